{{- /* The environment and the files of the configuration, for whoever reads it. */ -}}
{{- define "bearergate.files" -}}
volumeMounts:
  - name: config
    mountPath: /etc/bearergate
    readOnly: true
  {{- range $name, $_ := .Values.secrets }}
  - name: secret-{{ $name }}
    mountPath: /run/secrets/{{ $name }}
    readOnly: true
  {{- end }}
  {{- with include "bearergate.caMounts" . }}
  {{- trim . | nindent 2 }}
  {{- end }}
  {{- if .Values.workloadIdentity.projectToken }}
  - name: workload-identity
    mountPath: /run/workload-identity
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- include "bearergate.tpl" (list $ .) | nindent 2 }}
  {{- end }}
{{- $identity := .Values.workloadIdentity }}
{{- if or .Values.extraEnv $identity.clientId $identity.projectToken }}
env:
  # As the webhook names them: `entra: {}` and `federated_token: {}` are enough. It reads the ids from the service account, which
  # a check before the first install has not got.
  {{- with $identity.clientId }}
  - name: AZURE_CLIENT_ID
    value: {{ . | quote }}
  {{- end }}
  {{- with $identity.tenantId }}
  - name: AZURE_TENANT_ID
    value: {{ . | quote }}
  {{- end }}
  {{- if $identity.projectToken }}
  - name: AZURE_FEDERATED_TOKEN_FILE
    value: /run/workload-identity/token
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- include "bearergate.tpl" (list $ .) | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- include "bearergate.tpl" (list $ .) | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Those files' volumes. of: the context; configMap: its name; optional: whether a pod starts without them. */ -}}
{{- define "bearergate.volumes" -}}
- name: config
  configMap:
    name: {{ .configMap }}
{{- range $name, $secret := .of.Values.secrets }}
- name: secret-{{ $name }}
  {{- if $secret.secretProviderClass }}
  csi:
    driver: secrets-store.csi.k8s.io
    readOnly: true
    volumeAttributes:
      secretProviderClass: {{ include "bearergate.tpl" (list $.of $secret.secretProviderClass) }}
    {{- with $secret.nodePublishSecret }}
    nodePublishSecretRef:
      name: {{ include "bearergate.tpl" (list $.of .) }}
    {{- end }}
  {{- else }}
  secret:
    secretName: {{ include "bearergate.tpl" (list $.of $secret.existingSecret) }}
    defaultMode: 0440
    {{- with $secret.items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if or $secret.optional $.optional }}
    optional: true
    {{- end }}
  {{- end }}
{{- end }}
{{- with include "bearergate.caVolumes" . }}
{{ trim . }}
{{- end }}
{{- with .of.Values.workloadIdentity }}
{{- if .projectToken }}
- name: workload-identity
  projected:
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ .audience | quote }}
          expirationSeconds: {{ .expirationSeconds }}
{{- end }}
{{- end }}
{{- with .of.Values.extraVolumes }}
{{ include "bearergate.tpl" (list $.of .) }}
{{- end }}
{{- end -}}

{{- define "bearergate.caMounts" -}}
{{- range $name, $_ := .Values.caBundles }}
- name: ca-{{ $name }}
  mountPath: /run/ca/{{ $name }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "bearergate.caVolumes" -}}
{{- range $name, $bundle := .of.Values.caBundles }}
- name: ca-{{ $name }}
  {{- if $bundle.existingConfigMap }}
  configMap:
    name: {{ include "bearergate.tpl" (list $.of $bundle.existingConfigMap) }}
  {{- else }}
  secret:
    secretName: {{ include "bearergate.tpl" (list $.of $bundle.existingSecret) }}
  {{- end }}
    {{- if $.optional }}
    optional: true
    {{- end }}
{{- end }}
{{- end -}}
