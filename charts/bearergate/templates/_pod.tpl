{{- /* What every pod of ours has, whatever it runs: no token of the Kubernetes API, the restricted profile, and where it may run. */ -}}
{{- define "bearergate.pod" -}}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
# Service variables of the whole namespace are no business of a gateway.
enableServiceLinks: false
{{- with concat (default list .Values.imagePullSecrets) (dig "imagePullSecrets" list (default dict .Values.global)) }}
imagePullSecrets:
  {{- include "bearergate.tpl" (list $ .) | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- range list "priorityClassName" "runtimeClassName" "schedulerName" "hostAliases" "dnsPolicy" "dnsConfig" "nodeSelector" "tolerations" "affinity" }}
{{- with get $.Values . | dict . }}
{{- if first (values .) }}
{{ include "bearergate.tpl" (list $ .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What every container of ours has: image, environment, and why it ended in `kubectl describe pod`. */ -}}
{{- define "bearergate.container" -}}
image: {{ include "bearergate.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}

{{- /* A probe: ours to ask, the user's to time. */ -}}
{{- define "bearergate.probe" -}}
{{- $admin := (include "bearergate.plan" .of | fromJson).admin -}}
httpGet:
  path: {{ .path }}
  port: admin
  {{- if eq $admin.scheme "HTTPS" }}
  scheme: HTTPS
  {{- end }}
{{ toYaml .times }}
{{- end -}}
