#!/usr/bin/env bash
# Holds what deploys Sluice to the tools' own schemas. A tool that is not installed is passed over, and said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

has() { command -v "$1" >/dev/null; }

if ! has kubectl; then
  echo "kubectl is not here: the Kubernetes manifests are not checked"
else
  built=$(mktemp --suffix=.yaml)
  trap 'rm -f "$built"' EXIT
  kubectl kustomize deploy/kubernetes >"$built"
  echo "deploy/kubernetes: can be built"
  if has kubectl-validate; then
    # The schemas are those of Kubernetes itself, compiled in: no cluster is asked.
    KUBECONFIG=/dev/null kubectl-validate --version 1.30 "$built" deploy/kubernetes/secrets.example.yaml
  else
    echo "kubectl-validate is not here: the manifests are not held to Kubernetes's schemas (go install sigs.k8s.io/kubectl-validate@v0.0.4)"
  fi
fi

if docker compose version >/dev/null 2>&1; then
  export ETHEREUM_RPC_URL=http://node POSTGRES_PASSWORD=a WRITER_PASSWORD=b READER_PASSWORD=c METABASE_PASSWORD=d
  docker compose config --quiet
  COMPOSE_PROFILES=cluster,bitcoin docker compose --env-file deploy/cluster.env config --quiet
  echo "docker-compose.yml, alone and with deploy/cluster.env: OK"
else
  echo "docker compose is not here: docker-compose.yml is not checked"
fi
