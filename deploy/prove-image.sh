#!/usr/bin/env bash
# Shows that the image can be made again to the digest, and that it runs as an ordinary user with a read-only root: builds it twice
# with buildah, compares the two, compares what is in it with its bill of materials, and runs status, the demo and the service in it.
# Needs root, buildah, and a container engine's base images or two of one's own:
#
#   deploy/prove-image.sh [BUILD_IMAGE RUN_IMAGE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

images=()
if (($# == 2)); then images=(--build-arg "BUILD_IMAGE=$1" --build-arg "RUN_IMAGE=$2"); fi
epoch=$(git log -1 --format=%ct)
work=$(mktemp -d)
container=''
clean() {
  for place in dev proc tmp data ''; do umount --recursive "$work/root/$place" 2>/dev/null || true; done
  [[ -z $container ]] || buildah rm "$container" >/dev/null
  rm -rf "$work"
}
trap clean EXIT

# What is committed, and nothing that happens to lie about.
mkdir "$work/context"
git archive HEAD | tar -x -C "$work/context"
# In the OCI format, which is buildah's own: Docker's would name the container it was built in.
build() {
  buildah build --isolation chroot --no-cache --timestamp "$epoch" "${images[@]}" --tag "$1" \
    "$work/context" >"$work/$1.log" 2>&1 || { tail -n 30 "$work/$1.log" >&2 && return 1; }
  buildah inspect --type image --format '{{.FromImageID}}' "$1"
}
first=$(build maptician-sync)
second=$(build maptician-sync-again)
[[ $first == "$second" ]] || { echo "The two builds differ: $first and $second" >&2 && exit 1; }
echo "built twice: $first"

container=$(buildah from maptician-sync)
mounted=$(buildah mount "$container")
mkdir "$work/root"
mount --bind "$mounted" "$work/root"
mount -o remount,ro,bind "$work/root"
mount --rbind --make-rslave /dev "$work/root/dev"
mount -t proc proc "$work/root/proc"
mount -t tmpfs tmpfs "$work/root/tmp"
mount -t tmpfs -o uid=1000,gid=1000,mode=700 tmpfs "$work/root/data"

# Runs in the image as its user, without capabilities, with these settings and no others.
inside() {
  local settings=()
  while [[ $1 == *=* ]]; do settings+=("$1") && shift; done
  chroot "$work/root" setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs \
    --inh-caps=-all --bounding-set=-all \
    env --ignore-environment --chdir=/app PATH=/usr/local/bin:/usr/bin:/bin HOME=/nowhere NODE_ENV=production \
    MAPTICIAN_SYNC_HOME=/data "${settings[@]}" node "$@"
}
program=dist/src/cli/main.js
tenant=(AZURE_TENANT_ID=5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b11 AZURE_CLIENT_ID=5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b12
  AZURE_CLIENT_SECRET=of-nobody ENTRA_APP_ID=5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b13)

inside -e '
  const { globSync, readFileSync, writeFileSync } = require("node:fs");
  const refs = new Set(JSON.parse(readFileSync("sbom.cdx.json")).components.map((part) => part["bom-ref"]));
  const folders = ["node_modules/", "node_modules/**/node_modules/"];
  const found = globSync(folders.flatMap((folder) => [`${folder}*/package.json`, `${folder}@*/*/package.json`]))
    .map((file) => JSON.parse(readFileSync(file)))
    .filter(({ version }) => version !== undefined)
    .map(({ name, version }) => `${name}@${version}`);
  const unknown = found.filter((ref) => !refs.has(ref));
  if (unknown.length > 0) throw new Error(`Not in the bill of materials: ${unknown}`);
  console.log(`bill of materials: has all ${new Set(found).size} packages that are there`);
  for (const path of ["/app/x", "/x", "/usr/x"]) {
    try { writeFileSync(path, ""); } catch (error) { if (error.code === "EROFS") continue; }
    throw new Error(`${path} can be written`);
  }
  console.log(`read-only root, as user ${process.getuid()}`);
'
inside "${tenant[@]}" $program status >"$work/status"
echo "status: $(sed -n 1p "$work/status")"
inside $program demo >"$work/demo"
echo "demo: $(grep -c . "$work/demo") lines, exit status 0"

inside "${tenant[@]}" CONSOLE_LISTEN=127.0.0.1:14080 $program start >"$work/start" 2>&1 &
service=$!
for _ in $(seq 60); do
  answer=$(inside -e 'fetch("http://127.0.0.1:14080/healthz").then(async (answer) => { console.log(answer.status, await answer.text()); }, () => {})')
  [[ $answer != '200 '* ]] || break
  sleep 1
done
kill -TERM "$(pgrep --parent $service)"
status=0
wait $service || status=$?
echo "start: /healthz answered ${answer:-nothing}; ended with $status after SIGTERM"
[[ $answer == '200 '* ]]
