/* See fields.h. */
#include "network/fields.h"

#define TEXT_MAX  65536
#define COUNT_MAX 65536

#define AT(type, data, f)  ((type *)(void *)((char *)(data) + (f)->at))
#define CAT(type, data, f) ((const type *)(const void *)((const char *)(data) + (f)->at))
#define COUNT(data, f)	   ((size_t *)(void *)((char *)(data) + (f)->count))

/* ---- writing ---------------------------------------------------------------------------- */

static void write_list(const char *name, char *const *v, cJSON *out)
{
	cJSON *a;

	if (!v)
		return;
	a = cJSON_AddArrayToObject(out, name);
	for (; *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
}

static void write_array(const struct field *f, const void *data, cJSON *out)
{
	const char *v = *CAT(char *const, data, f);
	size_t n;
	cJSON *a;

	memcpy(&n, (const char *)data + f->count, sizeof(n));
	if (!n)
		return;
	a = cJSON_AddArrayToObject(out, f->name);
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();

		fields_write(f->of, v + i * f->size, o);
		cJSON_AddItemToArray(a, o);
	}
}

static void write_number(const char *name, double v, cJSON *out)
{
	if (v > 0)
		cJSON_AddNumberToObject(out, name, v);
}

static void write_one(const struct field *f, const void *data, cJSON *out)
{
	cJSON *o;

	switch (f->kind) {
	case FIELD_TEXT:
		if (*CAT(char *const, data, f))
			cJSON_AddStringToObject(out, f->name, *CAT(char *const, data, f));
		break;
	case FIELD_CHARS:
		if (*CAT(char, data, f))
			cJSON_AddStringToObject(out, f->name, CAT(char, data, f));
		break;
	case FIELD_LIST:
		write_list(f->name, *(char *const *const *)(const void *)CAT(char, data, f), out);
		break;
	case FIELD_NUMBER:
		write_number(f->name, *CAT(unsigned, data, f), out);
		break;
	case FIELD_PORT:
		write_number(f->name, *CAT(uint16_t, data, f), out);
		break;
	case FIELD_FLAG:
		if (*CAT(bool, data, f))
			cJSON_AddTrueToObject(out, f->name);
		break;
	case FIELD_STRUCT:
		o = cJSON_CreateObject();
		fields_write(f->of, CAT(char, data, f), o);
		if (o->child)
			cJSON_AddItemToObject(out, f->name, o);
		else
			cJSON_Delete(o);
		break;
	case FIELD_ARRAY:
		write_array(f, data, out);
		break;
	default:
		break;
	}
}

void fields_write(const struct field *f, const void *data, cJSON *out)
{
	for (; f->name; f++)
		write_one(f, data, out);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int bad(const struct field *f, struct err *err)
{
	return err_set(err, "the network's configuration: \"%s\" has no value that fits", f->name);
}

static bool is_text(const cJSON *v)
{
	return cJSON_IsString(v) && strnlen(v->valuestring, TEXT_MAX) < TEXT_MAX;
}

static bool countable(const cJSON *v)
{
	return cJSON_IsArray(v) && cJSON_GetArraySize(v) <= COUNT_MAX;
}

static int read_list(const struct field *f, void *data, const cJSON *v, struct err *err)
{
	char **out;
	size_t n = 0;
	const cJSON *one;

	if (!countable(v))
		return bad(f, err);
	out = xcalloc((size_t)cJSON_GetArraySize(v) + 1, sizeof(*out));
	*AT(char **, data, f) = out;
	cJSON_ArrayForEach(one, v)
	{
		if (!is_text(one))
			return bad(f, err);
		out[n++] = xstrdup(one->valuestring);
	}
	return 0;
}

static int read_array(const struct field *f, void *data, const cJSON *v, struct err *err)
{
	const cJSON *one;
	char *out;

	if (!countable(v))
		return bad(f, err);
	out = xcalloc((size_t)cJSON_GetArraySize(v) + 1, f->size);
	*AT(char *, data, f) = out;
	cJSON_ArrayForEach(one, v)
	{
		size_t i = (*COUNT(data, f))++;

		if (!cJSON_IsObject(one) || fields_read(f->of, out + i * f->size, one, err) < 0)
			return err->msg[0] ? -1 : bad(f, err);
	}
	return 0;
}

static int read_one(const struct field *f, void *data, const cJSON *v, struct err *err)
{
	switch (f->kind) {
	case FIELD_TEXT:
		if (!is_text(v))
			return bad(f, err);
		*AT(char *, data, f) = xstrdup(v->valuestring);
		return 0;
	case FIELD_CHARS:
		return is_text(v) && str_copy(AT(char, data, f), f->size, v->valuestring)
			   ? 0
			   : bad(f, err);
	case FIELD_LIST:
		return read_list(f, data, v, err);
	case FIELD_NUMBER:
		if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= f->max))
			return bad(f, err);
		*AT(unsigned, data, f) = (unsigned)v->valuedouble;
		return 0;
	case FIELD_PORT:
		if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= 65535))
			return bad(f, err);
		*AT(uint16_t, data, f) = (uint16_t)v->valuedouble;
		return 0;
	case FIELD_FLAG:
		if (!cJSON_IsBool(v))
			return bad(f, err);
		*AT(bool, data, f) = cJSON_IsTrue(v);
		return 0;
	case FIELD_STRUCT:
		if (!cJSON_IsObject(v))
			return bad(f, err);
		return fields_read(f->of, AT(char, data, f), v, err);
	case FIELD_ARRAY:
		return read_array(f, data, v, err);
	default:
		return bad(f, err);
	}
}

static const struct field *find(const struct field *f, const char *name)
{
	for (; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Each member once: a second one would leave the first one's memory. */
int fields_read(const struct field *f, void *data, const cJSON *in, struct err *err)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, in)
	{
		const struct field *one = find(f, v->string);

		if (!one)
			return err_set(err,
				       "the network's configuration: no member is called "
				       "\"%.60s\"",
				       v->string);
		if (cJSON_GetObjectItemCaseSensitive(in, v->string) != v)
			return err_set(err, "the network's configuration: \"%.60s\" is there twice",
				       v->string);
		if (read_one(one, data, v, err) < 0)
			return -1;
	}
	return 0;
}

void fields_free(const struct field *f, void *data)
{
	for (; f->name; f++) {
		switch (f->kind) {
		case FIELD_TEXT:
			free(*AT(char *, data, f));
			*AT(char *, data, f) = NULL;
			break;
		case FIELD_LIST:
			for (char **s = *AT(char **, data, f); s && *s; s++)
				free(*s);
			free(*AT(char **, data, f));
			*AT(char **, data, f) = NULL;
			break;
		case FIELD_STRUCT:
			fields_free(f->of, AT(char, data, f));
			break;
		case FIELD_ARRAY:
			for (size_t i = 0; i < *COUNT(data, f); i++)
				fields_free(f->of, *AT(char *, data, f) + i * f->size);
			free(*AT(char *, data, f));
			*AT(char *, data, f) = NULL;
			*COUNT(data, f) = 0;
			break;
		default:
			break;
		}
	}
}
