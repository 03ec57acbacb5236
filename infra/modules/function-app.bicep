// The app on Flex Consumption: settings, limits of scale, and the door that opens to the gateway only.

param location string
param tags object
param planName string
param name string

@description('The app\'s identity, for storage, warehouse, Graph, Key Vault and telemetry.')
param identityId string
param identityClientId string

@description('The gateway\'s managed identity: its object id, and the client id of the same identity.')
param gatewayPrincipalId string
param gatewayClientId string

@description('Application (client) id of the registration that stands for this function app; tokens must be issued for it.')
param backendAppId string

param blobEndpoint string
param tableEndpoint string

@description('Storage of files that go out.')
param outboxEndpoint string

@description('Storage of the queues of work on files and notices.')
param queueEndpoint string
param packageContainerUrl string

@description('Container that delivery files arrive in.')
param deliveryContainerName string

param keyVaultUri string
param applicationInsightsConnectionString string

@description('Share of requests whose spans are sent to Application Insights.')
param tracePercentage int

@description('Host name of the warehouse, for example abc123.datawarehouse.fabric.microsoft.com.')
param warehouseServer string
param warehouseDatabase string

@description('How many instances HTTP may grow to. More instances share the same sessions: see the arithmetic below.')
@minValue(40)
@maxValue(320)
param maximumInstanceCount int

@description('Instances that are kept warm for HTTP; 0 means that the first call after a pause waits for a start.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int

@description('Memory of an instance. 512 is too little: host and worker together take half a gigabyte under load, measured for eight minutes with six callers, and one large answer up to 90 MB more.')
@allowed([2048, 4096])
param instanceMemoryMB int

@description('Address of Severa\'s REST API.')
param severaBaseUrl string
param severaClientId string
param severaClientIdsProperty string
param severaMeteringPointsProperty string
param severaContactRole string

@allowed(['severa', 'warehouse'])
param meteringPointSource string

@allowed(['off', 'report', 'invite'])
param entraProvisioning string

@description('Where an invited guest lands. Needed when entraProvisioning is invite.')
param entraInviteRedirectUrl string

@description('Application (client) id of the API that customers get tokens for; its role is given to invited guests.')
param apiAppId string

@description('The secret sealing-key-previous still opens what it has sealed: for a month after a rotation.')
param previousSealingKey bool

param syncSchedule string
param publishSchedule string

@description('Instances in two zones at least, so that the app survives the loss of one. Costs two warm instances for HTTP and for each timer and queue function.')
param zoneRedundant bool

@description('Subnet for outbound traffic, or empty for none.')
param subnetId string

@description('Reachable from private endpoints only.')
param privateOnly bool

// Sessions of the warehouse. A Fabric workspace has 724 for everybody, and refuses the next one.
//   HTTP:    instances x sessions of each pool <= 320, whatever the number of instances, since the pool shrinks
//            as instances are added: 40 x 8, 80 x 4, 160 x 2, 320 x 1.
//   Timers:  two (sync and publish), each on an instance of its own, each with a pool of at most 8: 16.
//   Queues:  only build_files reads the warehouse, with three messages at a time (host.json). Its instances are among
//            `maximumInstanceCount`, which is the app's; if Azure counted them apart, they would add 40 x 3 = 120.
//   While a new version starts, instances of the old one may still answer: (320 + 16) x 2 = 672.
//   672 < 724; 52 are left for operators, loads and the readiness probe.
// This counts one Python process on an instance, so FUNCTIONS_WORKER_PROCESS_COUNT stays unset (one).
var httpSessions = 320
var sessionsPerInstance = min(8, httpSessions / maximumInstanceCount)

// A request that reads holds one thread and one session, and a thread without a session only waits: so instances are
// added when each has as many requests as sessions. Of twelve threads more at most eight wait for a session
// (shared/limits.py), and four answer what needs none: 304, refusals, /status.
var concurrentRequests = sessionsPerInstance
var threads = sessionsPerInstance + 12

var warmInstances = [
  {
    name: 'http'
    instanceCount: alwaysReadyInstances
  }
]

// The host and its libraries read these, the app never does: the timers' storage, the identity that telemetry is sent
// with, and the name that it is sent under.
var hostSettings = {
  // The host's own page at `/` says which software runs here.
  AzureWebJobsDisableHomepage: 'true'
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  // The connection of the queue triggers (function_app.py). Without the queues' address the functions are dropped while
  // the app still says that it runs; without the blobs' address their locks are in memory alone.
  OUTBOX__credential: 'managedidentity'
  OUTBOX__clientId: identityClientId
  OUTBOX__queueServiceUri: queueEndpoint
  OUTBOX__blobServiceUri: outboxEndpoint
  // An instance that is being stopped takes no further message while it finishes what runs.
  FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING: 'true'
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  OTEL_SERVICE_NAME: name
  PYTHON_THREADPOOL_THREAD_COUNT: string(threads)
  // As host.json has it for eight sessions: what has no thread waits in the host.
  AzureFunctionsJobHost__extensions__http__maxConcurrentRequests: string(threads)
}

// The names are those of shared/settings.py and local.settings.sample.json; a test compares all three.
var appSettings = {
  AZURE_CLIENT_ID: identityClientId
  GATEWAY_PRINCIPAL_ID: gatewayPrincipalId
  TABLE_STORAGE: tableEndpoint
  DELIVERY_STORAGE: blobEndpoint
  DELIVERY_CONTAINER: deliveryContainerName
  DELIVERY_COPY_ABOVE_MB: privateOnly ? 'never' : '500' // Fabric reads from no account without public access.
  OUTBOX_STORAGE: outboxEndpoint
  QUEUE_STORAGE: queueEndpoint
  SFTP_KEY: '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/sftp-key)'
  FEED_NOT_TAKEN_DAYS: '3'
  WAREHOUSE: 'fabric://${warehouseServer}/${warehouseDatabase}'
  WAREHOUSE_TIMEOUT_SECONDS: '30'
  WAREHOUSE_POOL_SIZE: string(sessionsPerInstance)
  WAREHOUSE_MAX_ROWS: '250000'
  ODBC_DRIVER: 'ODBC Driver 18 for SQL Server'
  ACCESS_MAX_AGE_HOURS: '72'
  METERING_POINT_SOURCE: meteringPointSource
  SEALING_KEY: '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/sealing-key)'
  SEALING_KEY_PREVIOUS: previousSealingKey
    ? '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/sealing-key-previous)'
    : ''
  SEVERA_BASE_URL: severaBaseUrl
  SEVERA_CLIENT_ID: severaClientId
  SEVERA_CLIENT_SECRET: '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/severa-client-secret)'
  SEVERA_CLIENT_IDS_PROPERTY: severaClientIdsProperty
  SEVERA_METERING_POINTS_PROPERTY: severaMeteringPointsProperty
  SEVERA_CONTACT_ROLE: severaContactRole
  ENTRA_PROVISIONING: entraProvisioning
  ENTRA_INVITE_REDIRECT_URL: entraInviteRedirectUrl
  ENTRA_API_APP_ID: apiAppId
  GRAPH_BASE_URL: 'https://graph.microsoft.com/v1.0'
  // The host reads it too: it reports requests, log lines and exceptions, the app its spans and metrics.
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  TELEMETRY: 'off'
  TELEMETRY_TRACE_PERCENTAGE: string(tracePercentage)
  SYNC_SCHEDULE: syncSchedule
  PUBLISH_SCHEDULE: publishSchedule
  SYNC_MAX_REVOKED_SHARE: '0.10'
  SYNC_MAX_GRANTED_SHARE: '0.10'
  SYNC_MAX_GRANTED_PER_PRINCIPAL: '500'
  // An operator sets this to true for one run; `azd provision --no-state` closes the door again.
  SYNC_ALLOW_REVOCATIONS: 'false'
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // azd finds the app that it deploys the code to by this tag; the service is named in azure.yaml.
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: privateOnly ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      // Flex Consumption refuses most other properties of siteConfig, alwaysOn among them.
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances == 0 ? [] : warmInstances
        triggers: {
          http: {
            perInstanceConcurrency: concurrentRequests
          }
        }
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(hostSettings, appSettings)
}

// The door. Without allowedApplications and identities any application of the tenant could get a token for this app
// and walk in. The token names its application by client id and its owner by object id; both must be the gateway's.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      // Left out, the settings look right in the portal and nothing is checked.
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      // The probe says whether the app is alive and nothing about anybody's data.
      excludedPaths: ['/v1/health']
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          clientId: backendAppId
        }
        validation: {
          allowedAudiences: [
            backendAppId
            'api://${backendAppId}'
          ]
          defaultAuthorizationPolicy: {
            allowedApplications: [gatewayClientId]
            allowedPrincipals: {
              identities: [gatewayPrincipalId]
            }
          }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
  // Two changes of one app at the same time end in a conflict (409), so each waits for the one before.
  dependsOn: [settings]
}

resource noPublishingPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
  dependsOn: [authentication]
}

output id string = app.id
output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
