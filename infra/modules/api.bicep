// What the gateway serves: the API, its policies and products, the portal's test console, and what is logged.
// Policies, products and operations are loaded from infra/apim, the files that the local gateway runs and the tests test.

param gatewayName string
param developerPortalUrl string
param functionAppUrl string

@description('Application (client) id of the registration that stands for the function app.')
param backendAppId string

@description('Application (client) id of the API that customers get tokens for.')
param apiAppId string

@description('Application (client) id of the portal\'s test console, or empty for no console sign-in.')
param portalAppId string

@description('The gateway is integrated with a private network.')
param privateNetworking bool

param applicationInsightsId string
param applicationInsightsConnectionString string

@description('Share of requests that are reported to Application Insights.')
param tracePercentage int

var tenantUrl = '${environment().authentication.loginEndpoint}${tenant().tenantId}'

var namedValues = {
  'openid-config-url': '${tenantUrl}/v2.0/.well-known/openid-configuration'
  'token-issuer': '${tenantUrl}/v2.0'
  'api-audience': apiAppId
  'function-app-url': functionAppUrl
  'function-app-audience': backendAppId
  'developer-portal-url': developerPortalUrl
  // The logger's. API Management keeps the credentials of loggers as named values: given as text, they would become
  // another one, with a name of the service's choice, at each deployment.
  'insights-connection-string': applicationInsightsConnectionString
}

// `xml`: the expressions in the files are escaped, as in any XML.
var policyFormat = 'xml'

var fragments = {
  caller: loadTextContent('../apim/policies/fragments/caller.xml')
  problem: loadTextContent('../apim/policies/fragments/problem.xml')
  'request-id': loadTextContent('../apim/policies/fragments/request-id.xml')
  'reserved-headers': loadTextContent('../apim/policies/fragments/reserved-headers.xml')
}

var products = loadJsonContent('../apim/products.json').products

// Bodies are never logged, and of headers none: they carry tokens, keys and metering data. A key sent in the query
// string would be part of the logged address, and is taken out of it.
var nothingButTheAddress = {
  headers: []
  body: {
    bytes: 0
  }
  dataMasking: {
    queryParams: [
      {
        value: 'subscription-key'
        mode: 'Hide'
      }
    ]
  }
}
var nothing = {
  headers: []
  body: {
    bytes: 0
  }
}

resource gateway 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: gatewayName
}

resource values 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = [
  for value in items(namedValues): {
    parent: gateway
    name: value.key
    properties: {
      displayName: value.key
      value: value.value
      secret: false
    }
  }
]

resource policyFragments 'Microsoft.ApiManagement/service/policyFragments@2024-05-01' = [
  for fragment in items(fragments): {
    parent: gateway
    name: fragment.key
    properties: {
      format: policyFormat
      value: fragment.value
    }
    dependsOn: [values]
  }
]

resource globalPolicy 'Microsoft.ApiManagement/service/policies@2024-05-01' = {
  parent: gateway
  name: 'policy'
  properties: {
    format: policyFormat
    value: loadTextContent('../apim/policies/global.xml')
  }
  dependsOn: [
    values
    policyFragments
  ]
}

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: gateway
  name: 'metering'
  properties: {
    displayName: 'Metering data'
    path: 'metering/v1'
    protocols: ['https']
    type: 'http'
    format: 'openapi+json'
    // In an import the server is the backend, and must be absolute: the file's own is relative, for the local gateway.
    value: replace(
      string(loadJsonContent('../apim/openapi.json')),
      '"servers":[{"url":"/metering/v1"}]',
      '"servers":[{"url":"${functionAppUrl}/v1"}]'
    )
    // A required query parameter stays one, and does not become a part of the path.
    translateRequiredQueryParameters: 'query'
    serviceUrl: '${functionAppUrl}/v1'
    subscriptionRequired: true
    subscriptionKeyParameterNames: {
      header: 'Ocp-Apim-Subscription-Key'
      query: 'subscription-key'
    }
    authenticationSettings: empty(portalAppId) ? null : consoleSignIn
  }
  // The settings name the authorization server, and the name alone does not make it come first.
  dependsOn: [authorizationServer]
}

resource apiPolicy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  parent: api
  name: 'policy'
  properties: {
    format: policyFormat
    // Integrated with a network, the gateway cannot try the address of the signing keys while the policy is saved.
    value: replace(
      loadTextContent('../apim/policies/api.xml'),
      '<openid-config url="{{openid-config-url}}"',
      privateNetworking
        ? '<openid-config url="{{openid-config-url}}" validate-connectivity="false"'
        : '<openid-config url="{{openid-config-url}}"'
    )
  }
  dependsOn: [
    values
    policyFragments
  ]
}

// Both the product and the API require a subscription: an open product would admit callers without a key.
resource apiProducts 'Microsoft.ApiManagement/service/products@2024-05-01' = [
  for product in products: {
    parent: gateway
    name: product.id
    properties: {
      displayName: product.name
      description: product.description
      terms: product.terms
      subscriptionRequired: true
      approvalRequired: product.approvalRequired
      subscriptionsLimit: product.subscriptionsLimit
      state: 'published'
    }
  }
]

resource productApis 'Microsoft.ApiManagement/service/products/apis@2024-05-01' = [
  for (product, index) in products: {
    parent: apiProducts[index]
    name: api.name
  }
]

// Everybody signed in to the developer portal may see the products and ask for a subscription.
resource productGroups 'Microsoft.ApiManagement/service/products/groups@2024-05-01' = [
  for (product, index) in products: {
    parent: apiProducts[index]
    name: 'developers'
  }
]

resource productPolicies 'Microsoft.ApiManagement/service/products/policies@2024-05-01' = [
  for (product, index) in products: {
    parent: apiProducts[index]
    name: 'policy'
    properties: {
      format: policyFormat
      value: replace(
        replace(loadTextContent('../apim/policies/product.xml'), '__calls-per-minute__', string(product.callsPerMinute)),
        '__calls-per-day__',
        string(product.callsPerDay)
      )
    }
    dependsOn: [
      values
      policyFragments
    ]
  }
]

// The test console signs the visitor in as a user, with a code and PKCE, so that no secret is kept here. It only
// helps the console: what a token must be is decided by the API's policy.
resource authorizationServer 'Microsoft.ApiManagement/service/authorizationServers@2024-05-01' = if (!empty(portalAppId)) {
  parent: gateway
  name: 'entra'
  properties: {
    displayName: 'Microsoft Entra ID'
    description: 'Sign-in for the test console of the developer portal.'
    clientRegistrationEndpoint: developerPortalUrl
    clientId: portalAppId
    authorizationEndpoint: '${tenantUrl}/oauth2/v2.0/authorize'
    authorizationMethods: ['GET']
    tokenEndpoint: '${tenantUrl}/oauth2/v2.0/token'
    grantTypes: ['authorizationCodeWithPkce']
    clientAuthenticationMethod: ['Body']
    bearerTokenSendingMethods: ['authorizationHeader']
    defaultScope: 'api://${apiAppId}/Metering.Read'
    supportState: true
    useInTestConsole: true
    useInApiDocumentation: true
  }
}

var consoleSignIn = {
  oAuth2AuthenticationSettings: [
    {
      authorizationServerId: 'entra'
      scope: 'api://${apiAppId}/Metering.Read'
    }
  ]
}

resource insightsLogger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: gateway
  name: 'application-insights'
  properties: {
    loggerType: 'applicationInsights'
    resourceId: applicationInsightsId
    credentials: {
      connectionString: '{{insights-connection-string}}'
      identityClientId: 'SystemAssigned'
    }
  }
  dependsOn: [values]
}

resource insights 'Microsoft.ApiManagement/service/diagnostics@2024-05-01' = {
  parent: gateway
  name: 'applicationinsights'
  properties: {
    loggerId: insightsLogger.id
    alwaysLog: 'allErrors'
    httpCorrelationProtocol: 'W3C'
    operationNameFormat: 'Name'
    verbosity: 'error'
    logClientIp: false
    sampling: {
      samplingType: 'fixed'
      percentage: tracePercentage
    }
    frontend: {
      request: nothingButTheAddress
      response: nothing
    }
    backend: {
      request: nothing
      response: nothing
    }
  }
}

resource workspaceLogger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: gateway
  name: 'azuremonitor'
  properties: {
    loggerType: 'azureMonitor'
  }
}

// The alerts count requests here, so each one is logged.
resource workspaceLog 'Microsoft.ApiManagement/service/diagnostics@2024-05-01' = {
  parent: gateway
  name: 'azuremonitor'
  properties: {
    loggerId: workspaceLogger.id
    alwaysLog: 'allErrors'
    verbosity: 'error'
    logClientIp: false
    sampling: {
      samplingType: 'fixed'
      percentage: 100
    }
    frontend: {
      request: nothingButTheAddress
      response: nothing
    }
    backend: {
      request: nothing
      response: nothing
    }
  }
}
