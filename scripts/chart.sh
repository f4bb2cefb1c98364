# shellcheck shell=bash
# What looks at the chart, for scripts/test: the programs, and the schemas of Kubernetes and of CRDs.
# Sourced after scripts/needs.sh; defines `chart_tools`, `helm_command` and `chart_schemas`.
: "${tools:=$root/.tools}"

# Minor versions of Kubernetes 1 that the chart is validated for.
kubernetes_first=28
kubernetes_last=36

# What was rendered, against the strict schemas of each version of Kubernetes, and of the CRDs it names.
chart_schemas() {
    local rendered=$1 schemas=$tools/schemas crds version from file files
    rm -rf "$schemas"
    mapfile -t crds < <(crds_of "sigs.k8s.io/gateway-api@v1.6.3" config/crd/standard 'httproutes.yaml' &&
        crds_of "github.com/prometheus-operator/prometheus-operator@v0.92.1" \
            example/prometheus-operator-crd '_servicemonitors.yaml' '_prometheusrules.yaml')
    "$tools/venv/bin/python" tests/chart/schemas.py "$schemas" "$kubernetes_first" "$kubernetes_last" \
        "$rendered"/*.yaml -- "${crds[@]}"
    for ((version = kubernetes_first; version <= kubernetes_last; version++)); do
        files=()
        for file in "$rendered"/*.yaml; do
            # "# Kubernetes 1.31 and newer: …" at the head of its values.
            from=$(sed -n '1s/^# Kubernetes 1\.\([0-9]*\) and newer.*/\1/p' "charts/bearergate/ci/$(basename "$file")" 2>/dev/null || true)
            ((version < ${from:-0})) || files+=("$file")
        done
        printf 'Kubernetes 1.%s: ' "$version"
        "$tools/bin/kubeconform" -strict -summary -kubernetes-version "1.$version.0" \
            -schema-location "$schemas/{{.NormalizedKubernetesVersion}}{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json" \
            -schema-location "$schemas/{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json" "${files[@]}"
    done
}

# The files of a Go module's folder that end so.
crds_of() {
    local folder ending
    folder=$(cd tests/chart/tools && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p') || return 1
    for ending in "${@:3}"; do
        ls "$folder/$2"/*"$ending"
    done
}

# helm, helm-unittest, kubeconform and a program on helm's library, pinned in one module and built by go: about two minutes, once.
chart_tools() {
    local module=tests/chart/tools
    cat "$module"/{go.sum,lifecycle/main.go} | cmp -s - "$tools/bin/chart-tools" && return 0
    command -v go >/dev/null 2>&1 || return 1
    echo "building helm, helm-unittest and kubeconform, about two minutes, once ..."
    mapfile -t commands < <(sed -n 's/^\t_ "\(.*\)"$/\1/p' "$module/tools.go")
    (cd "$module" && GOBIN=$tools/bin go install "${commands[@]}" ./lifecycle) &&
        cat "$module"/{go.sum,lifecycle/main.go} >"$tools/bin/chart-tools"
}

# Prints the helm to use: the one on the path if it is a 3, else the pinned one, built by go.
helm_command() {
    if [[ $(helm version --short 2>/dev/null || true) == v3.* ]]; then
        command -v helm
    else
        [ -x "$tools/bin/helm" ] || (cd "$root/tests/chart/tools" && GOBIN=$tools/bin go install helm.sh/helm/v3/cmd/helm) >&2
        echo "$tools/bin/helm"
    fi
}
