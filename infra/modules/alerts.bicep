// What somebody is woken for, and who. What to do for each stands in docs/operations.md.

param location string
param tags object

@description('The first part of the rules\' names.')
param namePrefix string
param workspaceId string
param emails string[]

// Each rule fires when its query returns a row. Severity: 1 customers are refused or soon will be; 2 look today;
// 3 somebody's calls are limited as agreed, or a webhook of theirs is off.
var rules = [
  {
    name: 'sync-failed'
    severity: 2
    every: 'PT30M'
    // Two runs, even where the sync runs every eight hours.
    window: 'P1D'
    query: loadTextContent('../alerts/sync-failed.kql')
  }
  {
    name: 'sync-held-back'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('../alerts/sync-held-back.kql')
  }
  {
    name: 'sync-too-old'
    severity: 1
    every: 'PT1H'
    window: 'P1D'
    query: loadTextContent('../alerts/sync-too-old.kql')
  }
  {
    name: 'publish-failed'
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    query: loadTextContent('../alerts/publish-failed.kql')
  }
  {
    name: 'delivery-rejected'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('../alerts/delivery-rejected.kql')
  }
  {
    name: 'days-left-out'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('../alerts/days-left-out.kql')
  }
  {
    name: 'warehouse-restored'
    severity: 1
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('../alerts/warehouse-restored.kql')
  }
  {
    name: 'data-late'
    severity: 2
    every: 'PT1H'
    window: 'PT6H'
    query: loadTextContent('../alerts/data-late.kql')
  }
  {
    name: 'app-silent'
    severity: 1
    every: 'PT15M'
    window: 'PT30M'
    query: loadTextContent('../alerts/app-silent.kql')
  }
  {
    name: 'server-errors'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../alerts/server-errors.kql')
  }
  {
    name: 'warehouse-unavailable'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../alerts/warehouse-unavailable.kql')
  }
  {
    name: 'callers-limited'
    severity: 3
    every: 'PT1H'
    window: 'PT1H'
    query: loadTextContent('../alerts/callers-limited.kql')
  }
  {
    name: 'quota-used-up'
    severity: 3
    every: 'PT1H'
    window: 'PT1H'
    query: loadTextContent('../alerts/quota-used-up.kql')
  }
  {
    name: 'message-given-up'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('../alerts/message-given-up.kql')
  }
  {
    name: 'webhook-disabled'
    severity: 3
    every: 'PT1H'
    window: 'PT1H'
    query: loadTextContent('../alerts/webhook-disabled.kql')
  }
  {
    name: 'files-failed'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    query: loadTextContent('../alerts/files-failed.kql')
  }
  {
    name: 'files-stuck'
    severity: 2
    every: 'PT15M'
    // Half an hour of failures, with the runs around it.
    window: 'PT1H'
    query: loadTextContent('../alerts/files-stuck.kql')
  }
  {
    name: 'feed-not-taken'
    severity: 3
    every: 'PT1H'
    window: 'PT1H'
    query: loadTextContent('../alerts/feed-not-taken.kql')
  }
  {
    name: 'logs-capped'
    severity: 2
    every: 'PT1H'
    window: 'PT1H'
    query: loadTextContent('../alerts/logs-capped.kql')
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${namePrefix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'metering'
    enabled: true
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${namePrefix}: ${rule.name}'
      description: 'What to do: docs/operations.md, ${rule.name}.'
      enabled: true
      severity: rule.severity
      scopes: [workspaceId]
      evaluationFrequency: rule.every
      windowSize: rule.window
      // Tables come to be with their first rows, after the rules: each query reads its table beside an empty one.
      skipQueryValidation: false
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [operators.id]
      }
    }
  }
]
