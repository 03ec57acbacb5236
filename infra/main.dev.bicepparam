using 'main.bicep'

// The least that runs everything: no warm instances, no private network, short retention.
param environmentName = 'dev'
param gatewaySku = 'BasicV2'
param gatewayUnits = 1
param maximumInstanceCount = 40
param alwaysReadyInstances = 0
param instanceMemoryMB = 2048
param storageSku = 'Standard_LRS'
param zoneRedundant = false
param logRetentionDays = 30
param logDailyCapGb = 1
param gatewayTracePercentage = 100
param vaultPurgeProtection = false
param privateNetworking = false
param entraProvisioning = 'report'

// What differs from company to company comes from the environment, for example from `azd env set`.
param location = readEnvironmentVariable('AZURE_LOCATION', 'norwayeast')
param publisherName = readEnvironmentVariable('PUBLISHER_NAME')
param publisherEmail = readEnvironmentVariable('PUBLISHER_EMAIL')
param alertEmails = map(split(readEnvironmentVariable('ALERT_EMAILS'), ','), each => trim(each))
param operatorsGroupId = readEnvironmentVariable('OPERATORS_GROUP_ID', '')
param apiAppId = readEnvironmentVariable('API_APP_ID')
param backendAppId = readEnvironmentVariable('BACKEND_APP_ID')
param portalAppId = readEnvironmentVariable('PORTAL_APP_ID', '')
param apiHost = readEnvironmentVariable('API_HOST', '')
param apiCertificate = readEnvironmentVariable('API_CERTIFICATE', '')
param warehouseServer = readEnvironmentVariable('WAREHOUSE_SERVER')
param warehouseDatabase = readEnvironmentVariable('WAREHOUSE_DATABASE')
param previousSealingKey = readEnvironmentVariable('PREVIOUS_SEALING_KEY', 'false') == 'true'
param severaClientId = readEnvironmentVariable('SEVERA_CLIENT_ID')
param deliveryWriterPrincipalId = readEnvironmentVariable('DELIVERY_WRITER_PRINCIPAL_ID', '')
param fabricCapacitySku = readEnvironmentVariable('FABRIC_CAPACITY_SKU', '')
param fabricAdministrators = split(readEnvironmentVariable('FABRIC_ADMINISTRATORS', ''), ',')
