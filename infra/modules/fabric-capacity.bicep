// The compute that the warehouse runs on. Workspaces, warehouses and their permissions are not Azure resources:
// they are made in Fabric (docs/deploy.md).

param location string
param tags object

@minLength(3)
@maxLength(63)
param name string

@description('F2 to F2048.')
param skuName string

@description('User principal names or object ids that administer the capacity; at least one.')
@minLength(1)
param administrators string[]

resource capacity 'Microsoft.Fabric/capacities@2023-11-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: skuName
    tier: 'Fabric'
  }
  properties: {
    administration: {
      members: administrators
    }
  }
}

output name string = capacity.name
