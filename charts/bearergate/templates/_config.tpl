{{- /* What the chart knows of the configuration, as JSON:
         listeners: by name, those that others reach: port, tls
         admin: port, scheme
         drain: how many seconds a pod may take to end; absent with existingConfigMap
       A configuration that Services and probes could not reach is refused. */ -}}
{{- define "bearergate.plan" -}}
{{- $listeners := dict -}}
{{- $admin := dict "port" .Values.existingConfig.adminPort "scheme" .Values.existingConfig.adminScheme -}}
{{- $plan := dict "listeners" $listeners "admin" $admin -}}
{{- if .Values.existingConfigMap -}}
{{- range $name, $port := default (dict "http" 8080) .Values.existingConfig.listeners -}}
{{- $_ := set $listeners $name (dict "port" $port "tls" false) -}}
{{- end -}}
{{- else -}}
{{- $config := include "bearergate.config" . | fromJson -}}
{{- range $name, $listener := $config.listeners -}}
{{- $address := get $listener "address" | toString -}}
{{- $outside := regexFind "^(0\\.0\\.0\\.0|\\[::\\]):[1-9][0-9]*$" $address -}}
{{- if $outside -}}
{{- $_ := set $listeners $name (dict "port" (regexFind "[0-9]+$" $address | int) "tls" (hasKey $listener "tls")) -}}
{{- else if not (regexMatch "^(127\\.[0-9.]+:|\\[::1\\]:|unix:)" $address) -}}
{{- fail (printf "values.config: listeners.%s.address must be 0.0.0.0:PORT or [::]:PORT, which other pods reach, or on 127.0.0.1, which containers of this pod do; it is %s" $name (get $listener "address" | include "bearergate.written")) -}}
{{- end -}}
{{- end -}}
{{- $address := get $config.admin "address" -}}
{{- if not (regexMatch "^(0\\.0\\.0\\.0|\\[::\\]):[1-9][0-9]*$" (toString $address)) -}}
{{- fail (printf "values.config: admin.address must be 0.0.0.0:9090, or another port, for the probes to reach; it is %s" (include "bearergate.written" $address)) -}}
{{- end -}}
{{- $_ := set $admin "port" (regexFind "[0-9]+$" $address | int) -}}
{{- $_ := set $admin "scheme" (hasKey $config.admin "tls" | ternary "HTTPS" "HTTP") -}}
{{- $delay := include "bearergate.seconds" (dig "delay" "0s" $config.shutdown) | int -}}
{{- $grace := include "bearergate.seconds" (dig "grace" "25s" $config.shutdown) | int -}}
{{- $_ := set $plan "delay" $delay -}}
{{- $_ := set $plan "drain" (add $delay $grace (dig "preStop" "sleep" "seconds" 0 (default dict .Values.lifecycle))) -}}
{{- end -}}
{{- toJson $plan -}}
{{- end -}}

{{- /* `config` as JSON, with the parts that the chart reads there and of the right kind. */ -}}
{{- define "bearergate.config" -}}
{{- $config := fromYaml .Values.config -}}
{{- with get $config "Error" -}}
{{- if contains "cannot unmarshal" . -}}
{{- fail "values.config must be a mapping: version, listeners, admin, routes" -}}
{{- else if contains "{{" $.Values.config -}}
{{- fail "values.config is not valid YAML: templates are not resolved in it, which stands as it is written" -}}
{{- end -}}
{{- fail (printf "values.config is not valid YAML: %s" .) -}}
{{- end -}}
{{- if gt (len .Values.config) 1000000 -}}
{{- fail (printf "values.config has %d bytes, and a ConfigMap takes no more than 1000000" (len .Values.config)) -}}
{{- end -}}
{{- $like := dict "admin" "{ address: 0.0.0.0:9090 }" "listeners" "{ apis: { address: 0.0.0.0:8080 } }" "shutdown" "{ delay: 5s, grace: 25s }" -}}
{{- range $name, $example := $like -}}
{{- $part := get $config $name -}}
{{- if not (hasKey $config $name) -}}
{{- $_ := set $config $name dict -}}
{{- else if not (kindIs "map" $part) -}}
{{- fail (printf "values.config: %s must be a mapping, such as %s; it is %s" $name $example (include "bearergate.written" $part)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $listener := $config.listeners -}}
{{- if not (kindIs "map" $listener) -}}
{{- fail (printf "values.config: listeners.%s must be a mapping, such as { address: 0.0.0.0:8080 }; it is %s" $name (include "bearergate.written" $listener)) -}}
{{- end -}}
{{- end -}}
{{- toJson $config -}}
{{- end -}}

{{- /* "1m30s" → 90; a part below a second counts as one. The same units as the gateway reads. */ -}}
{{- define "bearergate.seconds" -}}
{{- if not (and (kindIs "string" .) (regexMatch "^([0-9]{1,15}(ms|s|m|h|d))+$" (toString .))) -}}
{{- fail (printf "values.config: shutdown: %s is not a duration; write a number with its unit, such as 5s or 1m30s" (include "bearergate.written" .)) -}}
{{- end -}}
{{- $milliseconds := 0 -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $milliseconds = add $milliseconds (mul (regexFind "[0-9]+" . | int) (get $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- div (add $milliseconds 999) 1000 -}}
{{- end -}}

{{- /* Kubernetes must not kill a pod that is still draining. */ -}}
{{- define "bearergate.terminationGracePeriodSeconds" -}}
{{- $plan := include "bearergate.plan" . | fromJson -}}
{{- $wanted := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $wanted -}}
{{- if .Values.existingConfigMap -}}
{{- fail "existingConfigMap: the chart cannot look into it; set terminationGracePeriodSeconds to its shutdown.delay + shutdown.grace + 5" -}}
{{- end -}}
{{- add $plan.drain 5 -}}
{{- else if lt (int $wanted) (dig "drain" 0 $plan | int) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, but pods take up to %d seconds to end (shutdown.delay + shutdown.grace of the config, and a preStop sleep): Kubernetes would kill them while they answer. Leave it out, or set it to %d" (int $wanted) (int $plan.drain) (add $plan.drain 5)) -}}
{{- else -}}
{{- int $wanted -}}
{{- end -}}
{{- end -}}
