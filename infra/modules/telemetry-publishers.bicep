// Who may send telemetry: the identities of the app and of the gateway.

param applicationInsightsName string

@description('Object ids of the identities.')
param principalIds string[]

var roles = {
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource publishers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in principalIds: {
    name: guid(applicationInsights.id, principalId, roles['Monitoring Metrics Publisher'])
    scope: applicationInsights
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Monitoring Metrics Publisher']
      )
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]
