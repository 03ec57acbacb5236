// The app's identity: the one that reads grants, queries the warehouse, asks Graph and reads the Severa secret.
// It is its own resource, so that its permissions outlive a function app that is made again.

param location string
param tags object
param name string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output name string = identity.name
output principalId string = identity.properties.principalId
output clientId string = identity.properties.clientId
