// The gateway itself, and where its logs go. What it serves and how is in api.bicep.

param location string
param tags object

@minLength(1)
@maxLength(50)
param name string

@description('Basic v2, or Standard v2 and higher where it must reach a private network. Consumption lacks rate-limit-by-key.')
@allowed(['BasicV2', 'StandardV2', 'PremiumV2'])
param sku string

@minValue(1)
@maxValue(10)
param capacity int

param publisherName string
param publisherEmail string
param workspaceId string

@description('Subnet for outbound traffic, or empty for none.')
param outboundSubnetId string

@description('Host name of a custom domain, or empty for none.')
param hostName string

@description('Address of its certificate\'s secret, without a version, so that a renewed certificate is read as well.')
param certificateSecretUri string

var outboundNetwork = {
  subnetResourceId: outboundSubnetId
}

// Each deployment sets the whole service: a host name that is missing here would be removed. The certificate is read as
// the system-assigned identity, which must be allowed to before (gateway-certificate.bicep).
var hostNames = [
  {
    type: 'Proxy'
    hostName: hostName
    certificateSource: 'KeyVault'
    keyVaultId: certificateSecretUri
    defaultSslBinding: true
    negotiateClientCertificate: false
  }
]

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    capacity: capacity
  }
  // System-assigned: it ends with the gateway, and nothing else can ever act as it. The function app admits exactly
  // this identity, and is made after the gateway for that reason.
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publisherName: publisherName
    publisherEmail: publisherEmail
    developerPortalStatus: 'Enabled'
    publicNetworkAccess: 'Enabled'
    virtualNetworkType: empty(outboundSubnetId) ? 'None' : 'External'
    virtualNetworkConfiguration: empty(outboundSubnetId) ? null : outboundNetwork
    hostnameConfigurations: empty(hostName) ? null : hostNames
  }
}

// The service shows its identity's object id, and this resource its client id as well.
resource identity 'Microsoft.ManagedIdentity/identities@2023-01-31' existing = {
  scope: service
  name: 'default'
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: service
  properties: {
    workspaceId: workspaceId
    // Own tables for each category: the alerts read ApiManagementGatewayLogs.
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'GatewayLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output name string = service.name
output gatewayUrl string = service.properties.gatewayUrl
output developerPortalUrl string = service.properties.developerPortalUrl
output principalId string = service.identity.principalId
output clientId string = identity.properties.clientId
