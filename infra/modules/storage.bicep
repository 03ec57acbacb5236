// Tables of the access mapping, the app's package, the Functions host's locks, and delivered metering data.

param location string
param tags object

@minLength(3)
@maxLength(24)
param name string

@description('Standard_LRS, or Standard_ZRS where a zone may be lost without losing the access mapping.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param sku string

@description('Object id of the app\'s identity.')
param appPrincipalId string

@description('Object id of the Entra group of operators, or empty for none.')
param operatorsGroupId string

@description('Object id of the service principal or identity that delivers files, or empty for none.')
param deliveryWriterPrincipalId string

@description('Reachable from private endpoints only.')
param privateOnly bool

var roles = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

// The Functions host keeps the locks that let one instance only run a timer as blobs: it must own them.
var appRoles = ['Storage Blob Data Owner', 'Storage Table Data Contributor']
var operatorRoles = empty(operatorsGroupId) ? [] : ['Storage Blob Data Contributor', 'Storage Table Data Contributor']

var deliveredFilesKeptDays = 90

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateOnly ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateOnly ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'app-package'
  properties: {
    publicAccess: 'None'
  }
}

resource deliveries 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'deliveries'
  properties: {
    publicAccess: 'None'
  }
}

// What was delivered stands in the warehouse, append-only; the files are personal data that need not be kept twice.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'delete-delivered-files'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${deliveries.name}/']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: deliveredFilesKeptDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [
  for table in ['AccessGrants', 'AccessAudit', 'AccessByCustomer', 'ServiceState', 'Webhooks', 'Notices', 'FileWork']: {
    parent: tableService
    name: table
  }
]

resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appRoles: {
    name: guid(account.id, appPrincipalId, roles[role])
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource operatorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in operatorRoles: {
    name: guid(account.id, operatorsGroupId, roles[role])
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
      principalId: operatorsGroupId
      principalType: 'Group'
    }
  }
]

resource deliveryAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deliveryWriterPrincipalId)) {
  name: guid(deliveries.id, deliveryWriterPrincipalId, roles['Storage Blob Data Contributor'])
  scope: deliveries
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Blob Data Contributor']
    )
    principalId: deliveryWriterPrincipalId
    principalType: 'ServicePrincipal'
  }
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output tableEndpoint string = 'https://${account.name}.table.${environment().suffixes.storage}'
output packageContainerUrl string = '${account.properties.primaryEndpoints.blob}${packages.name}'
output deliveryContainerName string = deliveries.name
output deliveryContainerUrl string = '${account.properties.primaryEndpoints.blob}${deliveries.name}'
