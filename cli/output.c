/* What the commands print. */
#include <stdio_ext.h>
#include <sys/ioctl.h>

#include "cli/cli.h"

void cli_say(const struct cli *cli, const char *fmt, ...)
{
	char raw[2048], text[2 * sizeof(raw)];
	va_list ap;

	if (cli->silent)
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "%s\n", text_printable(text, sizeof(text), raw, strlen(raw)));
}

void print_lines(FILE *out, const char *text)
{
	char shown[4096];

	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		fprintf(out, "%s\n",
			text_printable(shown, sizeof(shown), line, (size_t)(end - line)));
	}
}

/* Byte by byte: what follows the answer is for somebody else. */
bool ask_yes(const char *question)
{
	char c, first = 0;
	ssize_t n;

	fprintf(stderr, "%s [y/N] ", question);
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (!first && c != ' ')
			first = c;
	return n == 1 && (first == 'y' || first == 'Y');
}

int flush_output(struct err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	/* A reader that has seen enough is no failure worth words. */
	if (errno != EPIPE)
		err_errno(err, errno, "can't write to standard output");
	__fpurge(stdout);
	return -1;
}

/* ---- JSON -------------------------------------------------------------------------- */

void json_pretty(struct buf *out, const char *text, size_t n)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (in_string) {
			buf_addc(out, c);
			if (c == '\\' && i + 1 < n)
				buf_addc(out, text[++i]);
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if (c == '}' || c == ']')
			depth -= depth > 0;
		/* "{}" and "[]" stay together. */
		if ((c == '}' || c == ']') && out->len &&
		    out->data[out->len - 1] != (c == '}' ? '{' : '['))
			buf_addf(out, "\n%*s", 2 * depth, "");
		else if (out->len && c != '}' && c != ']' &&
			 (out->data[out->len - 1] == '{' || out->data[out->len - 1] == '['))
			buf_addf(out, "\n%*s", 2 * depth, "");
		buf_addc(out, c);
		if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
			depth++;
		else if (c == ',')
			buf_addf(out, "\n%*s", 2 * depth, "");
		else if (c == ':')
			buf_addc(out, ' ');
	}
}

void print_json(const cJSON *v)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(v);
	_cleanup_(buf_free) struct buf safe = {0}, out = {0};

	if (!text)
		return;
	json_safe(&safe, text, strlen(text));
	json_pretty(&out, safe.data, safe.len);
	buf_addc(&out, '\n');
	fwrite(out.data, 1, out.len, stdout);
}

void print_json_line(const char *text, size_t n)
{
	_cleanup_(buf_free) struct buf safe = {0};

	json_safe(&safe, text, n);
	buf_addc(&safe, '\n');
	fwrite(safe.data, 1, safe.len, stdout);
}

/* ---- text ------------------------------------------------------------------------------ */

/* Columns of a printable string: one for each character, which is right for all but wide ones. */
static size_t columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void print_text(const char *s, size_t width)
{
	char text[8192];
	size_t n, keep = 0, seen = 0;

	text_printable(text, sizeof(text), s, strlen(s));
	n = columns(text);
	if (!width || n <= width) {
		printf("%s%*s", text, width ? (int)(width - n) : 0, "");
		return;
	}
	while (seen + 1 < width) {
		keep++;
		while (((unsigned char)text[keep] & 0xc0) == 0x80)
			keep++;
		seen++;
	}
	printf("%.*s…", (int)keep, text);
}

struct shown show(const char *s)
{
	struct shown out;

	text_printable(out.s, sizeof(out.s), s, strlen(s));
	return out;
}

int terminal_columns(void)
{
	const char *v = getenv("COLUMNS");
	struct winsize ws;
	long n;

	if (v && str_to_long(v, 20, 10000, &n) == 0)
		return (int)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
		return ws.ws_col;
	return 120;
}

void command_text(char *const *argv, char *out, size_t size)
{
	_cleanup_(buf_free) struct buf b = {0};

	for (size_t i = 0; argv && argv[i] && b.len < 65536; i++)
		buf_addf(&b, "%s%s", i ? " " : "", argv[i]);
	text_printable(out, size, b.data ? b.data : "", b.len);
}
