// Logs, traces and metrics of the gateway and the app, in one workspace.

param location string
param tags object
param workspaceName string
param applicationInsightsName string

@description('How long logs are kept. The first 31 days are free.')
@minValue(30)
@maxValue(730)
param retentionInDays int

@description('Ingestion stops for the day at this many GB, so that a fault cannot cost without limit. -1: no cap.')
param dailyCapGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionInDays
    features: {
      disableLocalAuth: true
    }
    workspaceCapping: {
      dailyQuotaGb: dailyCapGb
    }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    // Telemetry is accepted from identities that hold Monitoring Metrics Publisher and from nobody else,
    // so the connection string is an address and not a secret.
    DisableLocalAuth: true
  }
}

output workspaceId string = workspace.id
output applicationInsightsId string = applicationInsights.id
output applicationInsightsName string = applicationInsights.name
output applicationInsightsConnectionString string = applicationInsights.properties.ConnectionString
