// The gateway's right to read the certificate of a custom domain, and no other secret of the vault.

param keyVaultName string

@description('Address of the certificate\'s secret in that vault, without a version.')
param certificateSecretUri string

@description('Object id of the gateway\'s identity.')
param gatewayPrincipalId string

var roles = {
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: keyVaultName
}

// Each certificate has a secret of the same name, which holds its private key.
resource certificate 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: last(split(certificateSecretUri, '/'))
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(certificate.id, gatewayPrincipalId, roles['Key Vault Secrets User'])
  scope: certificate
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Key Vault Secrets User'])
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
  }
}
