/* nono audit prove, checkpoint, check */
#include "audit/command.h"
#include "audit/proof.h"

static int read_point(const char *path, struct checkpoint *c, const struct checkpoint **out,
		      struct err *err)
{
	*out = path ? c : NULL;
	return path ? checkpoint_read(c, path, err) : 0;
}

int audit_prove(const struct audit_prove_options *o, struct err *err)
{
	struct checkpoint c;
	const struct checkpoint *at;
	char id[65];
	cJSON *proof;
	long n;

	if (str_to_long(o->event, 0, INT64_MAX, &n) < 0)
		return err_usage(err,
				 "\"%.40s\" is no number of an event; nono audit show "
				 "--timeline shows them",
				 o->event);
	if (audit_find(o->id, id, err) < 0 || read_point(o->checkpoint, &c, &at, err) < 0)
		return -1;
	proof = proof_of_event(id, (uint64_t)n, at, err);
	if (!proof)
		return -1;
	command_print(proof);
	return 0;
}

int audit_checkpoint(const char *since, struct buf *out, struct err *err)
{
	struct checkpoint c;
	cJSON *o = NULL;
	char *text;

	if (!since && checkpoint_now(&c, err) == 0)
		o = checkpoint_json(&c);
	else if (since && checkpoint_read(&c, since, err) == 0)
		o = proof_since(&c, err);
	if (!o)
		return -1;
	text = cJSON_Print(o);
	buf_adds(out, text);
	buf_addc(out, '\n');
	free(text);
	cJSON_Delete(o);
	return 0;
}

int audit_check(const char *file, const char *checkpoint, struct err *err)
{
	_cleanup_(buf_free) struct buf said = {0};
	_cleanup_free_ char *text = NULL;
	struct checkpoint c;
	const struct checkpoint *at;
	size_t n;

	if (read_point(checkpoint, &c, &at, err) < 0 ||
	    !(text = file_read(file, PROOF_MAX_BYTES, &n, err)))
		return -1;
	buf_adds(&said, "");
	if (proof_check(text, n, at, &said, err) < 0) {
		fprintf(stderr, "nono: %s: %s\n", file, err->msg);
		puts("MISMATCH");
		return 1;
	}
	for (char *s = said.data, *nl; *s; s = nl + 1) {
		nl = strchr(s, '\n');
		*nl = '\0';
		command_put(s, 0);
		putchar('\n');
	}
	puts("VERIFIED");
	return 0;
}
