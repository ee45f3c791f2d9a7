// Builds many kustomizations in one process: lines "FOLDER FILE" on stdin, the rendering of FOLDER into FILE.
// A folder that cannot be built leaves the reason in FILE.error. A process for each would spend its time starting.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func render(folder string) ([]byte, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	return built.AsYaml()
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		folder, file, _ := strings.Cut(lines.Text(), " ")
		text, err := render(folder)
		if err != nil {
			file, text = file+".error", []byte(err.Error())
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
