// Private networking: the app, storage and vault are reachable from this network only. The gateway reaches it with
// its outbound integration, which needs the tier Standard v2 or higher.

param location string
param tags object
param name string

@description('A /24 that is free in the company\'s address plan.')
param addressPrefix string

// Severa and Fabric are outside; the fixed address can be given to them for their allow lists.
resource outboundAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource outbound 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    idleTimeoutInMinutes: 4
    publicIpAddresses: [
      {
        id: outboundAddress.id
      }
    ]
  }
}

// The default rules are what is wanted: traffic within the network and out of it, nothing in from outside.
// API Management requires that its subnet has a group.
resource rules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${name}'
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    // In the same resource: subnets of their own would be removed and made again at each deployment.
    subnets: [
      {
        name: 'functions'
        properties: {
          // Flex Consumption takes one address for each instance or so: a /26 carries the largest scale allowed.
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          networkSecurityGroup: {
            id: rules.id
          }
          natGateway: {
            id: outbound.id
          }
          delegations: [
            {
              name: 'functions'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'gateway'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          networkSecurityGroup: {
            id: rules.id
          }
          natGateway: {
            id: outbound.id
          }
          delegations: [
            {
              name: 'gateway'
              properties: {
                serviceName: 'Microsoft.Web/serverFarms'
              }
            }
          ]
        }
      }
      {
        name: 'private-endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 2)
          networkSecurityGroup: {
            id: rules.id
          }
        }
      }
    ]
  }

  resource functionsSubnet 'subnets' existing = {
    name: 'functions'
  }

  resource gatewaySubnet 'subnets' existing = {
    name: 'gateway'
  }

  resource privateEndpointsSubnet 'subnets' existing = {
    name: 'private-endpoints'
  }
}

output networkId string = network.id
output functionsSubnetId string = network::functionsSubnet.id
output gatewaySubnetId string = network::gatewaySubnet.id
output privateEndpointsSubnetId string = network::privateEndpointsSubnet.id
output outboundIpAddress string = outboundAddress.properties.ipAddress
