#!/usr/bin/env bash
# Holds what deploys Sluice to the tools' own schemas. What is not installed is passed over, and said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if command -v kubectl-validate kubectl >/dev/null; then
  built=$(mktemp --suffix=.yaml)
  trap 'rm -f "$built"' EXIT
  kubectl kustomize deploy/kubernetes >"$built"
  # The schemas are those of Kubernetes itself, compiled in: no cluster is asked.
  KUBECONFIG=/dev/null kubectl-validate --version 1.30 "$built" deploy/kubernetes/secret.example.yaml
else
  echo "kubectl or kubectl-validate is not here: go install sigs.k8s.io/kubectl-validate@v0.0.4"
fi

if docker compose version >/dev/null 2>&1; then
  export ETHEREUM_RPC_URL=http://node POSTGRES_PASSWORD=password
  docker compose config --quiet
  COMPOSE_PROFILES=cluster,bitcoin docker compose --env-file deploy/cluster.env config --quiet
  echo "docker-compose.yml, alone and with deploy/cluster.env: OK"
else
  echo "docker compose is not here: docker-compose.yml is not checked"
fi
