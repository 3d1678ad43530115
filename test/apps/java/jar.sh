#!/bin/sh
# SPDX-License-Identifier: MIT
# In the current directory: Work.java becomes work.jar, by Debian's compiler, which is a jar itself.
set -eu
jar="$ROOT/build/test/java/work.jar"
mkdir -p "${jar%/*}"
(
    flock 9
    if [ ! -e "$jar" ] || [ Work.java -nt "$jar" ]; then
        /usr/bin/java -cp /usr/share/java/eclipse-jdt-core.jar \
            org.eclipse.jdt.internal.compiler.batch.Main -17 -proc:none -nowarn -d classes Work.java
        python3 - "$jar" classes <<'END'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1] + ".new", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: Work\n")
    for name in sorted(os.listdir(sys.argv[2])):
        z.write(os.path.join(sys.argv[2], name), name)
END
        mv "$jar.new" "$jar"
        rm -r classes
    fi
) 9>"$jar.lock"
cp "$jar" .
