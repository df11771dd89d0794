/* nono audit prove, checkpoint, check */

#include "audit/audit.h"
#include "cli/audit.h"
#include "common/digest.h"
#include "network/credentials/credentials.h"
#include "sessions/signer.h"

/* ---- prove, checkpoint, check ---------------------------------------------------------------- */

static const struct option_row prove_rows[] = {
    {.name = "checkpoint",
     .kind = OPTION_STRING,
     ROW(audit_prove_options, checkpoint),
     .arg = "FILE",
     .help = "In the ledger as it was at this checkpoint"},
    {0},
};

static int run_prove(struct cli *cli, struct err *err)
{
	struct audit_prove_options *o = cli->options;
	char id[65];

	if (audit_session(cli->args[0], id, err) < 0)
		return -1;
	o->id = id;
	o->event = cli->args[1];
	return audit_prove(o, err);
}

const struct command command_audit_prove = {
    .name = "audit prove",
    .usage = "SESSION EVENT [--checkpoint FILE]",
    .summary = "A proof that an event is in the log and the ledger",
    .details = "EVENT is its number, as nono audit show --timeline says it. The proof is JSON and\n"
	       "holds all that nono audit check needs: no log, no ledger.\n",
    .rows = prove_rows,
    .size = sizeof(struct audit_prove_options),
    .flags = CLI_ENDED_TOO,
    .min_args = 2,
    .max_args = 2,
    .arg = "a session and the number of an event",
    .run = run_prove,
};

struct checkpoint_options {
	const char *since, *sign_key, *output, *command, *timestamp, *timestamp_ca;
};
static const struct option_row checkpoint_rows[] = {
    {.name = "since",
     .kind = OPTION_STRING,
     ROW(checkpoint_options, since),
     .arg = "FILE",
     .help = "A proof that the ledger begins with that of an earlier checkpoint"},
    {.name = "sign-key",
     .kind = OPTION_STRING,
     ROW(checkpoint_options, sign_key),
     .arg = "KEY",
     .help = "Sign it: a file (PEM), pkcs11:..., or a credential's reference"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_STRING,
     ROW(checkpoint_options, output),
     .arg = "FILE",
     .help = "Into FILE (a signature into FILE.bundle, a time stamp into FILE.tsr)"},
    {.name = "command",
     .kind = OPTION_STRING,
     ROW(checkpoint_options, command),
     .arg = "COMMAND",
     .help = "Give it to a shell command, as standard input"},
    {.name = "timestamp",
     .kind = OPTION_STRING,
     ROW(checkpoint_options, timestamp),
     .arg = "URL",
     .help = "Have it stamped by an RFC 3161 server; needs --output"},
    {.name = "timestamp-ca",
     .kind = OPTION_STRING,
     ROW(checkpoint_options, timestamp_ca),
     .arg = "FILE",
     .help = "The stamp must hold by this authority (PEM)"},
    {0},
};

static int write_beside(const char *file, const char *ending, const struct buf *b, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s%s", file, ending);

	return file_write_atomic(path, 0644, b->data, b->len, err);
}

static int sign_point(const struct checkpoint_options *o, const struct buf *point,
		      struct buf *bundle, struct err *err)
{
	_cleanup_(buf_free) struct buf statement = {0};
	struct signer s;
	unsigned char sum[32];
	int r;

	if (signer_start(o->sign_key, NULL, &s, err) < 0)
		return -1;
	digest_sha256(point->data, point->len, sum);
	buf_adds(&statement,
		 "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":"
		 "\"audit-checkpoint\",\"digest\":{\"sha256\":\"");
	for (size_t i = 0; i < sizeof(sum); i++)
		buf_addf(&statement, "%02x", sum[i]);
	buf_addf(&statement,
		 "\"}}],\"predicateType\":\"https://nono.sh/attestation/audit-checkpoint/v1\","
		 "\"predicate\":%s}",
		 point->data);
	r = signer_sign(&s, statement.data, statement.len, bundle, err);
	signer_stop(&s);
	return r;
}

static int run_on(char *const *argv, const struct buf *input, struct buf *out, const char *what,
		  struct err *err)
{
	__attribute__((cleanup(secret_free))) struct secret said = {0};
	int status = 0;

	if (credential_run(&(struct credential_run){.argv = argv,
						    .input = input->data,
						    .input_n = input->len,
						    .timeout_s = 60,
						    .what = what},
			   &said, &status, err) < 0)
		return -1;
	if (status)
		return err_set(err, "%s ended with exit code %d", what, status);
	buf_add(out, said.data, said.len);
	return 0;
}

static int stamp_point(const struct checkpoint_options *o, const struct buf *b, struct err *err)
{
	_cleanup_free_ char *program = credential_helper("nono-sign", err);
	_cleanup_(buf_free) struct buf answer = {0};
	char *argv[] = {program, (char *)"stamp", (char *)(uintptr_t)o->timestamp,
			(char *)(uintptr_t)o->timestamp_ca, NULL};

	if (!program || run_on(argv, b, &answer, "the time stamp", err) < 0)
		return -1;
	return write_beside(o->output, ".tsr", &answer, err);
}

static int run_checkpoint(struct cli *cli, struct err *err)
{
	const struct checkpoint_options *o = cli->options;
	_cleanup_(buf_free) struct buf point = {0}, bundle = {0}, ignored = {0};
	const struct buf *b = o->sign_key ? &bundle : &point;

	if (o->timestamp && !o->output)
		return err_usage(err, "--timestamp needs --output: the stamp goes beside it");
	if (audit_checkpoint(o->since, &point, err) < 0 ||
	    (o->sign_key && sign_point(o, &point, &bundle, err) < 0))
		return -1;
	if (o->output && (write_beside(o->output, "", &point, err) < 0 ||
			  (o->sign_key && write_beside(o->output, ".bundle", &bundle, err) < 0) ||
			  (o->timestamp && stamp_point(o, b, err) < 0)))
		return -1;
	if (o->command) {
		char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)(uintptr_t)o->command,
				NULL};
		return run_on(argv, b, &ignored, o->command, err);
	}
	if (!o->output)
		fwrite(b->data, 1, b->len, stdout);
	return 0;
}

const struct command command_audit_checkpoint = {
    .name = "audit checkpoint",
    .usage = "[options]",
    .summary = "The size and the Merkle root of the ledger now, to be kept elsewhere",
    .rows = checkpoint_rows,
    .size = sizeof(struct checkpoint_options),
    .run = run_checkpoint,
};

struct point_options {
	const char *file;
};
static const struct option_row check_rows[] = {
    {.name = "checkpoint",
     .kind = OPTION_STRING,
     ROW(point_options, file),
     .arg = "FILE",
     .help = "It must be about the ledger of this checkpoint"},
    {0},
};

static int run_check(struct cli *cli, struct err *err)
{
	const struct point_options *o = cli->options;

	return audit_check(cli->args[0], o->file, err);
}

const struct command command_audit_check = {
    .name = "audit check",
    .usage = "FILE [--checkpoint FILE]",
    .summary = "Check a proof, with nothing but the proof",
    .details = "Exit code 0 when it holds, 1 when not.\n",
    .rows = check_rows,
    .size = sizeof(struct point_options),
    .min_args = 1,
    .max_args = 1,
    .arg = "a proof",
    .run = run_check,
};
