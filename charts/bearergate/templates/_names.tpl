{{- define "bearergate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 57 | trimSuffix "-" -}}
{{- end -}}

{{- /* 50: room for a dash and 12 more in the 63 that a Service's name may have. */ -}}
{{- define "bearergate.fullname" -}}
{{- $name := include "bearergate.name" . -}}
{{- $both := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $both .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- /* Never change these two: a Deployment's selector is immutable. */ -}}
{{- define "bearergate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bearergate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* name, namespace, labels and annotations of an object.
       of: the context; suffix: what follows the full name, or name: another; labels, annotations: its own. */ -}}
{{- define "bearergate.metadata" -}}
{{- $labels := include "bearergate.selectorLabels" .of | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/version" (.of.Chart.AppVersion | trunc 63) -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .of.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .of.Chart.Name .of.Chart.Version | replace "+" "_" | trunc 63) -}}
name: {{ default (printf "%s%s" (include "bearergate.fullname" .of) (default "" .suffix)) .name }}
namespace: {{ .of.Release.Namespace }}
labels:
  {{- include "bearergate.tpl" (list .of (merge dict (default dict .labels) (default dict .of.Values.commonLabels) $labels)) | nindent 2 }}
{{- with merge dict (default dict .annotations) (default dict .of.Values.commonAnnotations) }}
annotations:
  {{- include "bearergate.tpl" (list $.of .) | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* A value of the user's, with the templates in it resolved: (list CONTEXT VALUE). */ -}}
{{- define "bearergate.tpl" -}}
{{- $value := index . 1 -}}
{{- tpl (kindIs "string" $value | ternary $value (toYaml $value)) (index . 0) -}}
{{- end -}}

{{- /* A value as somebody may have written it. */ -}}
{{- define "bearergate.written" -}}
{{- if kindIs "invalid" . -}}empty{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{- define "bearergate.serviceAccountName" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "bearergate.fullname" .) "default" -}}
{{- include "bearergate.tpl" (list . (default $own .Values.serviceAccount.name)) -}}
{{- end -}}

{{- define "bearergate.image" -}}
{{- $registry := default .Values.image.registry (dig "imageRegistry" "" (default dict .Values.global)) -}}
{{- $version := printf ":%s" (default .Chart.AppVersion .Values.image.tag) -}}
{{- with .Values.image.digest -}}{{- $version = printf "@%s" . -}}{{- end -}}
{{- printf "%s/%s%s" $registry .Values.image.repository $version -}}
{{- end -}}

{{- /* A configuration's ConfigMap: another text is another object, and pods of before keep theirs. */ -}}
{{- define "bearergate.configMapName" -}}
{{- if .Values.existingConfigMap -}}
{{- include "bearergate.tpl" (list . .Values.existingConfigMap) -}}
{{- else -}}
{{- printf "%s-%s" (include "bearergate.fullname" .) (.Values.config | sha256sum | trunc 10) -}}
{{- end -}}
{{- end -}}
