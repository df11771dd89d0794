#include "sandbox/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_message(struct nono_error *err, int code, const char *fmt, va_list ap)
{
	err->code = code;
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

int nono_fail(struct nono_error *err, int code, const char *fmt, ...)
{
	if (!err)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	set_message(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int nono_fail_errno(struct nono_error *err, int code, const char *fmt, ...)
{
	if (!err)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	set_message(err, code, fmt, ap);
	va_end(ap);

	size_t len = strlen(err->msg);
	(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(code));
	return -1;
}
