// One page for operators: is the data fresh, does the sync run, how are callers served, what do the logs cost.

param location string
param tags object
param title string
param workspaceId string

var tiles = [
  {
    title: 'Hours since the end of the data, and since access was in step with Severa'
    chart: 'timechart'
    query: loadTextContent('../dashboard/freshness.kql')
  }
  {
    title: 'Timers'
    chart: 'table'
    query: loadTextContent('../dashboard/sync.kql')
  }
  {
    title: 'Calls in each quarter of an hour, by what was answered'
    chart: 'timechart'
    query: loadTextContent('../dashboard/calls.kql')
  }
  {
    title: 'Milliseconds that callers waited'
    chart: 'timechart'
    query: loadTextContent('../dashboard/latency.kql')
  }
  {
    title: 'Statements in the warehouse'
    chart: 'table'
    query: loadTextContent('../dashboard/warehouse.kql')
  }
  {
    title: 'Subscriptions'
    chart: 'table'
    query: loadTextContent('../dashboard/subscriptions.kql')
  }
  {
    title: 'Gigabytes of logs a day'
    chart: 'barchart'
    query: loadTextContent('../dashboard/logs.kql')
  }
]

var twoDaysInMilliseconds = 172800000

var queries = [
  for tile in tiles: {
    type: 3
    content: {
      version: 'KqlItem/1.0'
      title: tile.title
      query: tile.query
      visualization: tile.chart
      size: 0
      queryType: 0
      resourceType: 'microsoft.operationalinsights/workspaces'
      timeContext: {
        durationMs: twoDaysInMilliseconds
      }
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2022-04-01' = {
  name: guid(workspaceId, 'operations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: workspaceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: queries
    })
  }
}
