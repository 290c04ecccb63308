{{- define "seqd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 52, so that what is appended still fits. */}}
{{- define "seqd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "seqd.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "seqd.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "seqd.selector" -}}
app.kubernetes.io/name: {{ include "seqd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "seqd.labels" -}}
{{ include "seqd.selector" . }}
app.kubernetes.io/component: worker
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "seqd.image" -}}
{{- $repository := required "image.repository must be set: no image of seqd is published; build deploy/Dockerfile, push it to a registry of yours, and name it there" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "seqd.claim" -}}
{{- .Values.state.claim.name | default (printf "%s-state" (include "seqd.fullname" .)) -}}
{{- end -}}

{{/* Above the drain budget: after it the answers are flushed, for a second at
     most, the last scrape may end, for another, and connections are closed. */}}
{{- define "seqd.gracePeriod" -}}
{{- add .Values.drainSeconds 15 -}}
{{- end -}}

{{/* Secrets that are files are mounted as whole folders: a file that is mounted
     by itself (subPath) would never be renewed. */}}
{{- define "seqd.env" -}}
{{- $nats := .Values.secrets.nats -}}
{{- $key := $nats.key | default $nats.kind -}}
{{- if $nats.name }}
{{- if eq $nats.kind "creds" }}
- {name: NATS_CREDS, value: {{ printf "/run/secrets/seqd/nats/%s" $key | quote }}}
{{- else if eq $nats.kind "nkey" }}
- {name: NATS_NKEY, value: {{ printf "/run/secrets/seqd/nats/%s" $key | quote }}}
{{- else if eq $nats.kind "token" }}
- {name: NATS_TOKEN, valueFrom: {secretKeyRef: {name: {{ $nats.name | quote }}, key: {{ $key | quote }}}}}
{{- else }}
- {name: NATS_USER, valueFrom: {secretKeyRef: {name: {{ $nats.name | quote }}, key: username}}}
- {name: NATS_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $nats.name | quote }}, key: password}}}
{{- end }}
{{- end }}
{{- with .Values.secrets.natsTLS }}
{{- if and .name .ca }}
- {name: NATS_CA, value: /run/secrets/seqd/nats-tls/ca.crt}
{{- end }}
{{- if and .name .clientCert }}
- {name: NATS_CERT, value: /run/secrets/seqd/nats-tls/tls.crt}
- {name: NATS_KEY, value: /run/secrets/seqd/nats-tls/tls.key}
{{- end }}
{{- end }}
{{- with .Values.secrets.etcd.name }}
- {name: SEQD_ETCD_USERNAME, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: username}}}
- {name: SEQD_ETCD_PASSWORD, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: password}}}
{{- end }}
{{- with .Values.secrets.etcdTLS }}
{{- if and .name .ca }}
- {name: SEQD_ETCD_CA, value: /run/secrets/seqd/etcd-tls/ca.crt}
{{- end }}
{{- if and .name .clientCert }}
- {name: SEQD_ETCD_CERT, value: /run/secrets/seqd/etcd-tls/tls.crt}
- {name: SEQD_ETCD_KEY, value: /run/secrets/seqd/etcd-tls/tls.key}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The Secrets that are mounted: folder below /run/secrets/seqd → Secret. */}}
{{- define "seqd.secretFiles" -}}
{{- $nats := .Values.secrets.nats -}}
{{- if and $nats.name (has $nats.kind (list "creds" "nkey")) }}
nats: {{ $nats.name | quote }}
{{- end }}
{{- with .Values.secrets.natsTLS.name }}
nats-tls: {{ . | quote }}
{{- end }}
{{- with .Values.secrets.etcdTLS.name }}
etcd-tls: {{ . | quote }}
{{- end }}
{{- end -}}
