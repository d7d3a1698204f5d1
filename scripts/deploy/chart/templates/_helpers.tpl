{{- define "glimpse.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* 54 characters leave room for "-headless". */ -}}
{{- define "glimpse.fullname" -}}
{{- $name := include "glimpse.name" . -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "glimpse.selector" -}}
app.kubernetes.io/name: {{ include "glimpse.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "glimpse.labels" -}}
{{ include "glimpse.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "glimpse.metadata" -}}
name: {{ include "glimpse.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "glimpse.labels" . | nindent 2 }}
{{- end }}

{{- define "glimpse.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- /* The bytes in a size, as the server ("20MiB", "640MB") or as Kubernetes writes it ("1Gi", "512M"). */ -}}
{{- define "glimpse.bytes" -}}
{{- $text := . | toString | lower | replace " " "" | trimSuffix "b" -}}
{{- $units := dict "" 1.0 "k" 1e3 "m" 1e6 "g" 1e9 "t" 1e12 "ki" 1024.0 "mi" 1048576.0 "gi" 1073741824.0 "ti" 1099511627776.0 -}}
{{- $number := regexFind "^[0-9.]+" $text -}}
{{- mulf (float64 $number) (get $units (trimPrefix $number $text)) | ceil | int64 -}}
{{- end }}

{{- /* The CPU request, rounded up, as resourceFieldRef rounds it. */ -}}
{{- define "glimpse.cores" -}}
{{- $cpu := .Values.resources.requests.cpu | toString -}}
{{- if hasSuffix "m" $cpu -}}
{{- divf (float64 (trimSuffix "m" $cpu)) 1000.0 | ceil | int64 -}}
{{- else -}}
{{- float64 $cpu | ceil | int64 -}}
{{- end -}}
{{- end }}

{{- /* The least memory limit, in Mi: see resources.limits.memory in values.yaml. */ -}}
{{- define "glimpse.memory" -}}
{{- $workers := .Values.server.workers | int64 | default (include "glimpse.cores" . | int64) -}}
{{- $picture := include "glimpse.bytes" .Values.server.maxPictureBytes | int64 -}}
{{- $bodies := include "glimpse.bytes" .Values.server.maxInflightBytes | int64 -}}
{{- $bytes := add (mul 128 1048576) $bodies (mul $workers (add $picture (mul 32 1048576))) -}}
{{- divf $bytes 1048576.0 | ceil | int64 -}}
{{- end }}

{{- define "glimpse.memoryLimit" -}}
{{- $least := include "glimpse.memory" . | int64 -}}
{{- with .Values.resources.limits.memory -}}
{{- if lt (include "glimpse.bytes" . | int64) (mul $least 1048576) -}}
{{- fail (printf "resources.limits.memory is %s, but the workers, their pictures and the bodies need %dMi: raise it, or lower server.maxPictureBytes, server.maxInflightBytes or the CPU request" (toString .) $least) -}}
{{- end -}}
{{- . -}}
{{- else -}}
{{- mul 64 (divf $least 64.0 | ceil | int64) -}}Mi
{{- end -}}
{{- end }}

{{- define "glimpse.memoryRequest" -}}
{{- $request := .Values.resources.requests.memory -}}
{{- $limit := include "glimpse.memoryLimit" . -}}
{{- if gt (include "glimpse.bytes" $request | int64) (include "glimpse.bytes" $limit | int64) -}}
{{- fail (printf "resources.requests.memory is %s, more than the limit of %s" $request $limit) -}}
{{- end -}}
{{- $request -}}
{{- end }}

{{- define "glimpse.gracePeriod" -}}
{{- $drain := add (int64 .Values.drain.delaySeconds) (int64 .Values.drain.timeoutSeconds) -}}
{{- $given := int64 .Values.drain.terminationGracePeriodSeconds -}}
{{- if and $given (le $given $drain) -}}
{{- fail (printf "drain.terminationGracePeriodSeconds is %d, but drain.delaySeconds and drain.timeoutSeconds need more than %d" $given $drain) -}}
{{- end -}}
{{- $given | default (add $drain 5) -}}
{{- end }}

{{- define "glimpse.keysSecret" -}}
{{- if and .Values.apiKeys.existingSecret .Values.apiKeys.keys -}}
{{- fail "apiKeys.existingSecret and apiKeys.keys are both set: the pod can mount only one of them" -}}
{{- end -}}
{{- if .Values.apiKeys.existingSecret }}{{ .Values.apiKeys.existingSecret }}
{{- else if .Values.apiKeys.keys }}{{ include "glimpse.fullname" . }}-keys
{{- end -}}
{{- end }}

{{- /* A listener accepts only one of an HTTPRoute and a GRPCRoute with the same hostname; none stands for all. */ -}}
{{- define "glimpse.routes" -}}
{{- $http := .Values.httpRoute -}}
{{- $grpc := .Values.grpcRoute -}}
{{- range $name, $route := dict "httpRoute" $http "grpcRoute" $grpc -}}
{{- if and $route.enabled (not $route.parentRefs) -}}
{{- fail (printf "%s.parentRefs is missing: name the Gateway" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $http.enabled $grpc.enabled -}}
{{- $same := not (and $http.hostnames $grpc.hostnames) -}}
{{- range $http.hostnames -}}{{- if has . $grpc.hostnames -}}{{- $same = true -}}{{- end -}}{{- end -}}
{{- range $parent := $http.parentRefs -}}
{{- if and $same (has $parent $grpc.parentRefs) -}}
{{- fail "httpRoute.hostnames and grpcRoute.hostnames must differ at the same parent: a Gateway accepts only one of two such routes" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
