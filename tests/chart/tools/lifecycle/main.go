// Installs, upgrades and uninstalls the chart by helm's own code, in one process: releases are kept in memory, and objects
// are not validated, so that an API server will do that knows little. Driven by tests/chart/lifecycle.py.
//
//	lifecycle CHART VALUES...    a line for each: its error, or "ok"; what hooks said comes before it
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/kube"
)

const (
	namespace = "gateway"
	timeout   = 60 * time.Second
)

// client does not ask the server for its schemas.
type client struct{ *kube.Client }

func (c client) Build(manifests io.Reader, _ bool) (kube.ResourceList, error) {
	return c.Client.Build(manifests, false)
}

func main() {
	settings := cli.New()
	settings.SetNamespace(namespace)
	configuration := new(action.Configuration)
	fatal(configuration.Init(settings.RESTClientGetter(), namespace, "memory", func(string, ...interface{}) {}))
	configuration.KubeClient = client{configuration.KubeClient.(*kube.Client)}
	configuration.HookOutputFunc = func(string, string, string) io.Writer { return os.Stdout }
	chart, err := loader.Load(os.Args[1])
	fatal(err)
	for at, file := range os.Args[2:] {
		values, err := chartutil.ReadValuesFile(file)
		fatal(err)
		if at == 0 {
			install := action.NewInstall(configuration)
			install.ReleaseName, install.Namespace, install.Timeout = "x", namespace, timeout
			install.DisableOpenAPIValidation = true
			_, err = install.Run(chart, values)
		} else {
			upgrade := action.NewUpgrade(configuration)
			upgrade.Namespace, upgrade.Timeout, upgrade.DisableOpenAPIValidation = namespace, timeout, true
			_, err = upgrade.Run("x", chart, values)
		}
		tell(err)
	}
	_, err = action.NewUninstall(configuration).Run("x")
	tell(err)
}

func tell(err error) {
	if err == nil {
		fmt.Println("ok")
	} else {
		fmt.Println("failed: " + strings.Join(strings.Fields(err.Error()), " "))
	}
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
