/* Records: JSON under a digest. The digest is made right, so that what is below is reached. */
#include "common/digest.h"
#include "snapshots/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t tail = 11 + 64 + 3; /* ,"digest":"..."} and a newline */
	_cleanup_free_ char *text = malloc(size + 1);
	struct snap_record r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (record_parse(text, size, &r, NULL) == 0 && r.root_count && !r.roots[0].path)
		abort();
	snap_record_free(&r);
	if (size > tail) {
		unsigned char sum[SHA256_DIGEST_LENGTH];
		char hex[SHA256_HEX];

		digest_sha256(text, size - tail, sum);
		digest_hex(sum, sizeof(sum), hex);
		memcpy(text + size - tail, ",\"digest\":\"", 11);
		memcpy(text + size - tail + 11, hex, 64);
		memcpy(text + size - 3, "\"}\n", 3);
		(void)record_parse(text, size, &r, NULL);
		snap_record_free(&r);
	}
	return 0;
}
