{{- define "circadia.labels" -}}
app.kubernetes.io/name: circadia
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "circadia.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "circadia.pod" -}}
automountServiceAccountToken: false
# its variables would begin like settings, and unknown settings are refused
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "circadia.container" -}}
image: {{ include "circadia.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: secrets
    mountPath: /secrets
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end }}

{{- define "circadia.whoopSettings" -}}
- name: PUBLIC_URL
  value: {{ .Values.whoop.publicUrl | quote }}
- name: MIGRATE_ON_START
  value: "false"
- name: HOST
  value: 0.0.0.0
- name: PORT
  value: "8001"
{{- range .Values.whoop.secretFiles }}
- name: {{ . }}_FILE
  value: /secrets/{{ . | lower }}
{{- end }}
{{- if .Values.gateway.enabled }}
- name: GATEWAY_API_KEY_FILE
  value: /secrets/gateway_api_key
{{- end }}
{{- range $name, $value := .Values.whoop.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "circadia.gatewaySettings" -}}
- name: PUBLIC_URL
  value: {{ .Values.gateway.publicUrl | quote }}
- name: MIGRATE_ON_START
  value: "false"
- name: HOST
  value: 0.0.0.0
- name: PORT
  value: "8000"
- name: WHOOP_SERVICE_URL
  value: http://{{ .Release.Name }}-whoop:8001
{{- range .Values.gateway.secretFiles }}
- name: {{ . }}_FILE
  value: /secrets/{{ . | lower }}
{{- end }}
{{- range $name, $value := .Values.gateway.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "circadia.metrics" -}}
- name: METRICS_HOST
  value: 0.0.0.0
- name: METRICS_PORT
  value: "9464"
{{- end }}

{{- define "circadia.whoopVolumes" -}}
- name: secrets
  secret:
    secretName: {{ .Values.whoop.secret }}
    defaultMode: 288
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- end }}

{{- define "circadia.gatewayVolumes" -}}
- name: secrets
  secret:
    secretName: {{ .Values.gateway.secret }}
    defaultMode: 288
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- end }}

{{- define "circadia.probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 2
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /health/ready, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}
