{{- define "bearergate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* 57: room for the suffix "-admin". */ -}}
{{- define "bearergate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "bearergate.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Never change these two: a Deployment's selector is immutable. */ -}}
{{- define "bearergate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bearergate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bearergate.labels" -}}
{{ include "bearergate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "bearergate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "bearergate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "bearergate.image" -}}
{{- $repository := printf "%s/%s" .Values.image.registry .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* What the chart must know of the config: refuses one that its Services and probes cannot reach. */ -}}
{{- define "bearergate.checkedConfig" -}}
{{- $config := fromYaml .Values.config -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "values.config is not valid YAML: %s" $config.Error) -}}
{{- end -}}
{{- range $name := list "admin" "listeners" "shutdown" -}}
{{- $part := get $config $name -}}
{{- if and (hasKey $config $name) (not (kindIs "map" $part)) -}}
{{- fail (printf "values.config: %s must be a mapping, such as %s; it is %s" $name (get (dict "admin" "{ address: 0.0.0.0:9090 }" "listeners" "{ apis: { address: 0.0.0.0:8080 } }" "shutdown" "{ delay: 5s, grace: 25s }") $name) (include "bearergate.written" $part)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $listener := (dig "listeners" dict $config) -}}
{{- if not (kindIs "map" $listener) -}}
{{- fail (printf "values.config: listeners.%s must be a mapping, such as { address: 0.0.0.0:8080 }; it is %s" $name (include "bearergate.written" $listener)) -}}
{{- end -}}
{{- end -}}
{{- $admin := dig "admin" "address" "" $config -}}
{{- if not (regexMatch "^(0\\.0\\.0\\.0|\\[::\\]):9090$" (toString $admin)) -}}
{{- fail (printf "values.config: admin.address must be 0.0.0.0:9090, where the probes and the admin Service look; it is %s" (include "bearergate.written" $admin)) -}}
{{- end -}}
{{- $reachable := false -}}
{{- range (dig "listeners" dict $config) -}}
{{- if regexMatch "^(0\\.0\\.0\\.0|\\[::\\]):8080$" (dig "address" "" . | toString) -}}{{- $reachable = true -}}{{- end -}}
{{- end -}}
{{- if not $reachable -}}
{{- fail "values.config: one of the listeners must have the address 0.0.0.0:8080, where the traffic Service looks" -}}
{{- end -}}
{{- end -}}

{{- /* A value as somebody may have written it. */ -}}
{{- define "bearergate.written" -}}
{{- if kindIs "invalid" . -}}empty{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{- /* "1m 30s" → 90; a part below a second counts as one. */ -}}
{{- define "bearergate.seconds" -}}
{{- $sum := 0 -}}
{{- if not (and (kindIs "string" .) (regexMatch "^ *([0-9]+ *[a-z]+ *)+$" (toString .))) -}}
{{- fail (printf "values.config: shutdown: %s is not a duration; write a number with its unit, such as 5s or 1m 30s" (include "bearergate.written" .)) -}}
{{- end -}}
{{- range regexFindAll "[0-9]+ *[a-z]+" . -1 -}}
{{- $number := regexFind "[0-9]+" . | int -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- if has $unit (list "s" "sec" "secs" "second" "seconds") -}}{{- $sum = add $sum $number -}}
{{- else if has $unit (list "m" "min" "mins" "minute" "minutes") -}}{{- $sum = add $sum (mul $number 60) -}}
{{- else if has $unit (list "h" "hr" "hrs" "hour" "hours") -}}{{- $sum = add $sum (mul $number 3600) -}}
{{- else if eq $unit "ms" -}}{{- $sum = add $sum (div (add $number 999) 1000) -}}
{{- else -}}{{- fail (printf "values.config: shutdown: %q is not a duration" .) -}}
{{- end -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{- /* Kubernetes must not kill a pod that is still draining. */ -}}
{{- define "bearergate.terminationGracePeriodSeconds" -}}
{{- if not (kindIs "invalid" .Values.terminationGracePeriodSeconds) -}}
{{- .Values.terminationGracePeriodSeconds | int -}}
{{- else if .Values.existingConfigMap -}}
{{- fail "existingConfigMap: set terminationGracePeriodSeconds to shutdown.delay + shutdown.grace + 5 of that config" -}}
{{- else -}}
{{- include "bearergate.checkedConfig" . -}}
{{- $config := fromYaml .Values.config -}}
{{- $delay := include "bearergate.seconds" (dig "shutdown" "delay" "0s" $config) | int -}}
{{- $grace := include "bearergate.seconds" (dig "shutdown" "grace" "25s" $config) | int -}}
{{- add $delay $grace 5 -}}
{{- end -}}
{{- end -}}
