#!/usr/bin/env python3
"""What every start pays for is not in nono: OpenSSL's EVP, of which one function links half a library and
twenty thousand relocations, belongs to the programs beside it."""
import os
import subprocess
import sys

out = subprocess.run(["nm", os.environ["NONO"]], stdout=subprocess.PIPE, text=True, check=True).stdout
names = [line.split()[-1] for line in out.splitlines() if line]
if "main" not in names:
    print("skipped: nono is stripped")
    sys.exit(77)
assert "SHA256_Update" in names, "looked in the wrong place: nono hashes"
evp = [n for n in names if n.startswith(("EVP_", "OSSL_", "SSL_", "X509_"))]
assert not evp, "nono links %d functions of EVP, as %s: see common/digest.h" % (len(evp), ", ".join(evp[:5]))
