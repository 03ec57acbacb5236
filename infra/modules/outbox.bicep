// Files that go out, and the queues of work on them and on notices. An account of its own: callers reach it with links
// that the app signs, and what stands in it is deleted after days.

param location string
param tags object

@minLength(3)
@maxLength(24)
param name string

@allowed(['Standard_LRS', 'Standard_ZRS'])
param sku string

@description('Object id of the app\'s identity.')
param appPrincipalId string

@description('Object id of the Entra group of operators, or empty for none.')
param operatorsGroupId string

@description('Where pages that follow a link in a browser come from.')
param allowedOrigins string[]

@description('Reachable from private endpoints only: links then work inside the network alone.')
param privateOnly bool

var roles = {
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Delegator': 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
}

// The app signs links with a key that only a delegator gets: the account accepts no keys of its own.
var appRoles = ['Storage Blob Data Contributor', 'Storage Blob Delegator', 'Storage Queue Data Contributor']
var operatorRoles = empty(operatorsGroupId) ? [] : ['Storage Blob Data Contributor', 'Storage Queue Data Contributor']

// By the first folder in the container.
var keptDays = {
  exports: 7
  feeds: 35
}

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

// No soft delete: what somebody may no longer read is gone when it is deleted.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: false
    }
    cors: {
      corsRules: [
        {
          allowedOrigins: allowedOrigins
          allowedMethods: ['GET', 'HEAD']
          allowedHeaders: ['range', 'x-ms-range']
          exposedHeaders: ['content-length', 'content-range', 'etag']
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}

resource files 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'outbox'
  properties: {
    publicAccess: 'None'
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for kept in items(keptDays): {
          name: 'delete-${kept.key}'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${files.name}/${kept.key}/']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterCreationGreaterThan: kept.value
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

// The Functions host moves a message that failed five times to the poison queue of the same name.
resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for queue in ['files', 'sends', 'notices', 'files-poison', 'sends-poison', 'notices-poison']: {
    parent: queueService
    name: queue
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

output id string = account.id
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = 'https://${account.name}.queue.${environment().suffixes.storage}'
