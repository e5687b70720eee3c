#!/bin/sh
# throwaway-root.sh FOLDER COMMAND…: the command as root of a copy of this machine's files that is gone with it. What it
# changes it changes there alone: the files lie in an overlay on memory, in a mount namespace of its own. In the end the files
# are named that it made or changed and left, of those whose name is LEFT.
set -e
folder=$1
shift
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
mount -t proc proc "$folder/root/proc"
mount --bind /dev "$folder/root/dev"
# Of a folder that is itself on another file system the overlay sees nothing: the command's own files are handed in.
mkdir -p "$folder/root/given"
mount --bind "$(dirname "$folder")" "$folder/root/given"
chroot "$folder/root" "$@"
cd "$folder/upper"
# What was removed is a device there.
find . ! -type c ! -path './given*' -iname "${LEFT-}" | sed 's/^/left: /'
