/* Proofs and checkpoints of the audit log, over any bytes. */
#include "audit/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_free) struct buf said = {0};
	struct checkpoint c;
	struct err err;

	proof_check((const char *)data, size, NULL, &said, &err);
	if (checkpoint_parse(&c, (const char *)data, size, &err) == 0 && c.size > 1ull << 53)
		abort();
	return 0;
}
