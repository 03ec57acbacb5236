// What the operators see in the portal: logs, alert rules, the workbook, and which resources there are. Their rights on
// data stand beside the data.

@description('Object id of the Entra group of operators.')
param groupId string

var roles = {
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba846ae'
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, groupId, roles.Reader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.Reader)
    principalId: groupId
    principalType: 'Group'
  }
}
