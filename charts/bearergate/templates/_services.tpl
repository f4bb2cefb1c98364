{{- /* The Services, as JSON: a list of suffix, knobs, and ports, each a listener's: listener, name, port, targetPort.
       Every listener that others reach is on `service`, but for those that one of `services` takes. */ -}}
{{- define "bearergate.services" -}}
{{- $listeners := (include "bearergate.plan" . | fromJson).listeners -}}
{{- $left := keys $listeners | sortAlpha -}}
{{- $services := list -}}
{{- range $key, $knobs := .Values.services -}}
{{- range $listener := $knobs.listeners -}}
{{- if not (has $listener $left) -}}
{{- fail (printf "services.%s.listeners: %s is not a listener that others reach, or is on another Service already; there are: %s" $key $listener (join ", " $left)) -}}
{{- end -}}
{{- $left = without $left $listener -}}
{{- end -}}
{{- $ports := include "bearergate.servicePorts" (dict "listeners" $listeners "names" $knobs.listeners "knobs" $knobs "key" (printf "services.%s" $key)) | fromJsonArray -}}
{{- $services = append $services (dict "suffix" (printf "-%s" $key) "knobs" $knobs "ports" $ports) -}}
{{- end -}}
{{- if .Values.service.enabled -}}
{{- if not (or $left $services) -}}
{{- fail "values.config: no listener has the address 0.0.0.0:PORT, for a Service to reach; where only containers of the pod call, set service.enabled to false" -}}
{{- end -}}
{{- if $left -}}
{{- $ports := include "bearergate.servicePorts" (dict "listeners" $listeners "names" $left "knobs" .Values.service "key" "service") | fromJsonArray -}}
{{- $services = prepend $services (dict "suffix" "" "knobs" .Values.service "ports" $ports) -}}
{{- end -}}
{{- end -}}
{{- toJson $services -}}
{{- end -}}

{{- /* A Service's ports: of its only listener `port`, else 443 with TLS and 80 without; of several each its own. */ -}}
{{- define "bearergate.servicePorts" -}}
{{- $knobs := .knobs -}}
{{- $ports := list -}}
{{- range $name, $_ := $knobs.ports -}}
{{- if not (has $name $.names) -}}
{{- fail (printf "%s.ports.%s: there is no such listener on this Service; there are: %s" $.key $name (join ", " $.names)) -}}
{{- end -}}
{{- end -}}
{{- range $name := .names -}}
{{- $listener := get $.listeners $name -}}
{{- $port := $listener.port -}}
{{- if eq (len $.names) 1 -}}
{{- $port = default ($listener.tls | ternary 443 80) $knobs.port -}}
{{- end -}}
{{- $own := dig $name dict (default dict $knobs.ports) -}}
{{- $written := dict "listener" $name "name" (include "bearergate.portName" (list $name $listener)) "port" $port "targetPort" $listener.port -}}
{{- $ports = append $ports (merge dict $own $written) -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}

{{- /* A listener's name where it can be a port's: 15 lower-case letters, digits and dashes. */ -}}
{{- define "bearergate.portName" -}}
{{- $name := index . 0 -}}
{{- if and (regexMatch "^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$" $name) (not (contains "--" $name)) (ne $name "admin") -}}
{{- $name -}}
{{- else -}}
{{- printf "port-%v" (index . 1).port -}}
{{- end -}}
{{- end -}}

{{- /* Where an Ingress or HTTPRoute leads: (dict "of" CONTEXT "listener" NAME "key" WHO) → { service, port }. */ -}}
{{- define "bearergate.backend" -}}
{{- $found := list -}}
{{- $names := list -}}
{{- range $service := include "bearergate.services" .of | fromJsonArray -}}
{{- range $service.ports -}}
{{- $names = append $names .listener -}}
{{- if or (not $.listener) (eq .listener $.listener) -}}
{{- $found = append $found (dict "service" (printf "%s%s" (include "bearergate.fullname" $.of) $service.suffix) "port" .port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne (len $found) 1 -}}
{{- fail (printf "%s.listener must name the listener that it leads to, one of: %s" .key (join ", " (sortAlpha $names))) -}}
{{- end -}}
{{- first $found | toJson -}}
{{- end -}}
