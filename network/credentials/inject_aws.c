/* Signs a request with keys of AWS instead of those that the agent has. */
#include <time.h>

#include "common/digest.h"
#include "network/credentials/proxy.h"

#define UNSIGNED "UNSIGNED-PAYLOAD"

/* Hosts whose first word is not what the service signs as. */
static const struct {
	const char *host, *service;
} other_names[] = {
    {"bedrock-runtime", "bedrock"}, {"bedrock-agent-runtime", "bedrock"},
    {"bedrock-agent", "bedrock"},   {"email", "ses"},
    {"runtime", "sagemaker"},	    {"monitoring", "monitoring"},
    {"streams", "dynamodb"},
};

/* SERVICE.REGION.amazonaws.com; BUCKET.s3.REGION.amazonaws.com. */
static void from_host(const char *name, char service[64], char region[64])
{
	const char *end = strstr(name, ".amazonaws.com"), *s3 = strstr(name, ".s3.");
	const char *start = s3 ? s3 + 1 : name, *dot;

	if (!end)
		return;
	dot = memchr(start, '.', (size_t)(end - start));
	snprintf(service, 64, "%.*s", (int)((dot ? dot : end) - start), start);
	if (dot)
		snprintf(region, 64, "%.*s", (int)(end - dot - 1), dot + 1);
	for (size_t i = 0; i < ARRAY_LEN(other_names); i++)
		if (str_eq(service, other_names[i].host))
			snprintf(service, 64, "%s", other_names[i].service);
}

static bool is_s3(const struct credential_route *r)
{
	char service[64] = "", region[64] = "";

	from_host(r->host.name, service, region);
	return str_eq(r->policy->aws.service ? r->policy->aws.service : service, "s3");
}

bool credential_aws_needs_body(const struct credential_route *r, const struct credential_head *head)
{
	(void)head;
	return !is_s3(r);
}

/* Bodies whose pieces carry signatures of their own were signed with the agent's keys. */
static int payload(const struct credential_route *r, const struct credential_head *head,
		   const void *body, size_t body_len, char out[80], struct err *err)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	size_t n;
	const char *said = head->get(head->data, "x-amz-content-sha256", 0, &n);

	if (said && n > 10 && !strncmp(said, "STREAMING-", 10)) {
		if (n >= 19 && !strncmp(said, "STREAMING-UNSIGNED-", 19) && n < 80) {
			snprintf(out, 80, "%.*s", (int)n, said);
			return 0;
		}
		return err_set(err, "a body in signed chunks can't be signed anew: let the client "
				    "send unsigned chunks or the body in one piece");
	}
	if (is_s3(r) && !body) {
		snprintf(out, 80, UNSIGNED);
		return 0;
	}
	digest_sha256(body ? body : "", body ? body_len : 0, md);
	digest_hex(md, sizeof(md), out);
	return 0;
}

static int set(const struct credential_head *head, const char *name, const char *value,
	       struct err *err)
{
	head->remove(head->data, name);
	return head->add(head->data, name, value, strlen(value)) < 0
		   ? err_set(err, "a signature does not fit into the head")
		   : 0;
}

int credential_inject_aws(const struct credential_route *r, const struct credential_slot *slot,
			  const struct credential_head *head, const char *host, const void *body,
			  size_t body_len, struct err *err)
{
	char service[64] = "", region[64] = "", hash[80], date[17];
	const char *kept_region = credential_list_get(&slot->value, "region");
	_cleanup_(buf_free) struct buf authorization = {0};
	struct sigv4 s = {.method = head->method,
			  .host = host,
			  .access_key = credential_list_get(&slot->value, "access_key"),
			  .secret_key = credential_list_get(&slot->value, "secret_key"),
			  .token = credential_list_get(&slot->value, "token"),
			  .payload = hash,
			  .now = time(NULL),
			  .head = head};

	from_host(r->host.name, service, region);
	s.service = r->policy->aws.service ? r->policy->aws.service : service;
	s.region = r->policy->aws.region ? r->policy->aws.region : *region ? region : kept_region;
	if (!*s.service || !s.region)
		return err_set(err, "the route %s does not say its AWS %s (aws_auth.%s)",
			       r->policy->name, *s.service ? "region" : "service",
			       *s.service ? "region" : "service");
	if (!s.access_key || !s.secret_key || payload(r, head, body, body_len, hash, err) < 0)
		return s.access_key && s.secret_key ? -1 : err_set(err, "no keys of AWS");
	sigv4_date(s.now, date);
	head->remove(head->data, "authorization");
	head->remove(head->data, "x-amz-security-token");
	if (set(head, "x-amz-date", date, err) < 0 ||
	    set(head, "x-amz-content-sha256", hash, err) < 0 ||
	    (s.token && set(head, "x-amz-security-token", s.token, err) < 0))
		return -1;
	s.target = head->target(head->data, &s.target_n);
	return sigv4_sign(&s, &authorization, err) < 0
		   ? -1
		   : set(head, "Authorization", authorization.data, err);
}
