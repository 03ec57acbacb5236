// The whole system in one resource group. This file only composes: what a part is stands in its module.
//
// Order: the gateway is made before the function app, because the app admits only the gateway's identity; what the
// gateway serves (modules/api.bicep) is made after the function app, because it forwards there.

targetScope = 'subscription'

@description('dev or prod; part of every name.')
@minLength(2)
@maxLength(8)
param environmentName string

@description('The region of the Fabric capacity as well: the warehouse is read from the same region only.')
param location string

@description('Shown in the developer portal and in its mails.')
param publisherName string
param publisherEmail string

@description('Who is mailed when an alert fires.')
param alertEmails string[]

@description('Object id of the Entra group whose members operate the system, or empty for none.')
param operatorsGroupId string = ''

@description('Application (client) id of the API that customers get tokens for. Registered by hand: docs/deploy.md.')
param apiAppId string

@description('Application (client) id of the registration that stands for the function app.')
param backendAppId string

@description('Application (client) id that the developer portal\'s test console signs in with, or empty for no console sign-in.')
param portalAppId string = ''

@description('Host name of a custom domain that customers call, or empty for the gateway\'s.')
param apiHost string = ''

@description('Address of the certificate of apiHost in the vault: its secret, without a version. Given one deployment before apiHost, since the gateway must be allowed to read it first: docs/deploy.md.')
param apiCertificate string = ''

@description('Host name of the warehouse, for example abc123.datawarehouse.fabric.microsoft.com.')
param warehouseServer string
param warehouseDatabase string

@description('Object id of the service principal or identity that delivers metering data, or empty for none.')
param deliveryWriterPrincipalId string = ''

param severaBaseUrl string = 'https://api.severa.visma.com/rest-api'
param severaClientId string
param severaClientIdsProperty string = 'API client id'
param severaMeteringPointsProperty string = 'API metering points'
param severaContactRole string = 'API'

@allowed(['severa', 'warehouse'])
param meteringPointSource string = 'warehouse'

@allowed(['off', 'report', 'invite'])
param entraProvisioning string = 'report'
param entraInviteRedirectUrl string = ''

@description('The secret sealing-key-previous still opens what it has sealed: for a month after a rotation.')
param previousSealingKey bool = false

@description('NCRONTAB with seconds, in UTC.')
param syncSchedule string = '0 5 * * * *'
param publishSchedule string = '0 */5 * * * *'

@allowed(['BasicV2', 'StandardV2', 'PremiumV2'])
param gatewaySku string

@minValue(1)
@maxValue(10)
param gatewayUnits int = 1

@minValue(40)
@maxValue(320)
param maximumInstanceCount int = 40
param alwaysReadyInstances int = 0

@description('Memory of an instance. 512 is too little: host and worker together take half a gigabyte under load, measured for eight minutes with six callers, and one large answer up to 90 MB more.')
@allowed([2048, 4096])
param instanceMemoryMB int = 2048

@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string

@description('The app survives the loss of a zone; needs storage that does. Costs two warm instances for HTTP and for each timer and queue function.')
param zoneRedundant bool

param logRetentionDays int
param logDailyCapGb int

@description('Share of requests whose traces go to Application Insights. The gateway reports its errors always; metrics count every request.')
@minValue(1)
@maxValue(100)
param gatewayTracePercentage int

@description('Key Vault cannot be purged before its retention ends. Cannot be turned off again.')
param vaultPurgeProtection bool

@description('App, storage and vault are reached through a private network only. Needs Standard v2 or Premium v2.')
param privateNetworking bool = false
param networkAddressPrefix string = '10.60.0.0/24'

@description('A Fabric capacity of this size (F2, F4 and so on), or empty where a capacity exists already.')
param fabricCapacitySku string = ''
param fabricAdministrators string[] = []

var workload = 'metering'
var name = '${workload}-${environmentName}'
// Names of gateway, app, storage and vault are taken world-wide; the same few letters at each deployment keep them apart.
var suffix = take(uniqueString(subscription().subscriptionId, environmentName, location), 6)
var tags = {
  workload: workload
  'azd-env-name': environmentName
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}'
  location: location
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: 'log-${name}'
    applicationInsightsName: 'appi-${name}'
    retentionInDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module operators 'modules/operators.bicep' = if (!empty(operatorsGroupId)) {
  name: 'operators'
  scope: group
  params: {
    groupId: operatorsGroupId
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'id-${name}'
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'st${workload}${environmentName}${suffix}'
    sku: storageSku
    appPrincipalId: identity.outputs.principalId
    operatorsGroupId: operatorsGroupId
    deliveryWriterPrincipalId: deliveryWriterPrincipalId
    privateOnly: privateNetworking
  }
}

module outbox 'modules/outbox.bicep' = {
  name: 'outbox'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'ob${workload}${environmentName}${suffix}'
    sku: storageSku
    appPrincipalId: identity.outputs.principalId
    operatorsGroupId: operatorsGroupId
    allowedOrigins: [gateway.outputs.developerPortalUrl]
    privateOnly: privateNetworking
  }
}

module keyVault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'kv-${environmentName}-${suffix}'
    appPrincipalId: identity.outputs.principalId
    operatorsGroupId: operatorsGroupId
    purgeProtection: vaultPurgeProtection
    privateOnly: privateNetworking
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'vnet-${name}'
    addressPrefix: networkAddressPrefix
  }
}

module gateway 'modules/api-management.bicep' = {
  name: 'gateway'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'apim-${name}-${suffix}'
    sku: gatewaySku
    capacity: gatewayUnits
    publisherName: publisherName
    publisherEmail: publisherEmail
    workspaceId: monitoring.outputs.workspaceId
    outboundSubnetId: privateNetworking ? network!.outputs.gatewaySubnetId : ''
    hostName: apiHost
    certificateSecretUri: apiCertificate
  }
}

module gatewayCertificate 'modules/gateway-certificate.bicep' = if (!empty(apiCertificate)) {
  name: 'gateway-certificate'
  scope: group
  params: {
    keyVaultName: keyVault.outputs.name
    certificateSecretUri: apiCertificate
    gatewayPrincipalId: gateway.outputs.principalId
  }
}

module telemetryPublishers 'modules/telemetry-publishers.bicep' = {
  name: 'telemetry-publishers'
  scope: group
  params: {
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    principalIds: [
      identity.outputs.principalId
      gateway.outputs.principalId
    ]
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    location: location
    tags: tags
    planName: 'plan-${name}'
    name: 'func-${name}-${suffix}'
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    gatewayPrincipalId: gateway.outputs.principalId
    gatewayClientId: gateway.outputs.clientId
    backendAppId: backendAppId
    apiAppId: apiAppId
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    outboxEndpoint: outbox.outputs.blobEndpoint
    queueEndpoint: outbox.outputs.queueEndpoint
    packageContainerUrl: storage.outputs.packageContainerUrl
    deliveryContainerName: storage.outputs.deliveryContainerName
    keyVaultUri: keyVault.outputs.vaultUri
    applicationInsightsConnectionString: monitoring.outputs.applicationInsightsConnectionString
    tracePercentage: gatewayTracePercentage
    warehouseServer: warehouseServer
    warehouseDatabase: warehouseDatabase
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    instanceMemoryMB: instanceMemoryMB
    zoneRedundant: zoneRedundant
    severaBaseUrl: severaBaseUrl
    severaClientId: severaClientId
    severaClientIdsProperty: severaClientIdsProperty
    severaMeteringPointsProperty: severaMeteringPointsProperty
    severaContactRole: severaContactRole
    meteringPointSource: meteringPointSource
    entraProvisioning: entraProvisioning
    entraInviteRedirectUrl: entraInviteRedirectUrl
    previousSealingKey: previousSealingKey
    syncSchedule: syncSchedule
    publishSchedule: publishSchedule
    subnetId: privateNetworking ? network!.outputs.functionsSubnetId : ''
    privateOnly: privateNetworking
  }
}

module api 'modules/api.bicep' = {
  name: 'api'
  scope: group
  params: {
    gatewayName: gateway.outputs.name
    developerPortalUrl: gateway.outputs.developerPortalUrl
    functionAppUrl: functionApp.outputs.url
    backendAppId: backendAppId
    apiAppId: apiAppId
    portalAppId: portalAppId
    privateNetworking: privateNetworking
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    applicationInsightsConnectionString: monitoring.outputs.applicationInsightsConnectionString
    tracePercentage: gatewayTracePercentage
  }
  // The logger writes to Application Insights as the gateway's identity, which must be allowed to first.
  dependsOn: [telemetryPublishers]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    namePrefix: name
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
  }
}

module dashboard 'modules/dashboard.bicep' = {
  name: 'dashboard'
  scope: group
  params: {
    location: location
    tags: tags
    title: 'Metering API, ${environmentName}'
    workspaceId: monitoring.outputs.workspaceId
  }
}

module blobEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  name: 'private-endpoint-blob'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-blob'
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.privateEndpointsSubnetId
    resourceId: storage.outputs.id
    groupId: 'blob'
  }
}

module outboxBlobEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  name: 'private-endpoint-outbox-blob'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-outbox-blob'
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.privateEndpointsSubnetId
    resourceId: outbox.outputs.id
    groupId: 'blob'
  }
  // Both name the zone of blobs: one deployment of it at a time.
  dependsOn: [blobEndpoint]
}

module outboxQueueEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  name: 'private-endpoint-outbox-queue'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-outbox-queue'
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.privateEndpointsSubnetId
    resourceId: outbox.outputs.id
    groupId: 'queue'
  }
}

module tableEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  name: 'private-endpoint-table'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-table'
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.privateEndpointsSubnetId
    resourceId: storage.outputs.id
    groupId: 'table'
  }
}

module vaultEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  name: 'private-endpoint-vault'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-vault'
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.privateEndpointsSubnetId
    resourceId: keyVault.outputs.id
    groupId: 'vault'
  }
}

module appEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  name: 'private-endpoint-app'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-app'
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.privateEndpointsSubnetId
    resourceId: functionApp.outputs.id
    groupId: 'sites'
  }
}

module fabricCapacity 'modules/fabric-capacity.bicep' = if (!empty(fabricCapacitySku)) {
  name: 'fabric-capacity'
  scope: group
  params: {
    location: location
    tags: tags
    name: 'fc${workload}${environmentName}${suffix}'
    skuName: fabricCapacitySku
    administrators: fabricAdministrators
  }
}

// azd keeps these in its environment; docs/deploy.md uses them by name.
output RESOURCE_GROUP string = group.name
output GATEWAY_NAME string = gateway.outputs.name
output GATEWAY_URL string = gateway.outputs.gatewayUrl
output DEVELOPER_PORTAL_URL string = gateway.outputs.developerPortalUrl
output GATEWAY_PRINCIPAL_ID string = gateway.outputs.principalId
output FUNCTION_APP_NAME string = functionApp.outputs.name
output FUNCTION_APP_URL string = functionApp.outputs.url
output APP_IDENTITY_NAME string = identity.outputs.name
output APP_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output APP_IDENTITY_CLIENT_ID string = identity.outputs.clientId
output KEY_VAULT_NAME string = keyVault.outputs.name
output STORAGE_ACCOUNT_NAME string = storage.outputs.name
output DELIVERY_CONTAINER_URL string = storage.outputs.deliveryContainerUrl
output WORKSPACE_ID string = monitoring.outputs.workspaceId
output OUTBOUND_IP_ADDRESS string = privateNetworking ? network!.outputs.outboundIpAddress : ''
output FABRIC_CAPACITY_NAME string = empty(fabricCapacitySku) ? '' : fabricCapacity!.outputs.name
