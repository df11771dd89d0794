/* The members of "network", and what describes credentials and hooks. */
#include "policy/profiles/schema.h"

#define AT(f)  .field = offsetof(struct profile, f)
#define OLD(n) .instead = (n), .flags = MEMBER_DEPRECATED

/* ---- credentials ---------------------------------------------------------- */

static const char *const inject_modes[] = {"header", "url_path", "query_param", "basic_auth", NULL};
static const char *const decisions[] = {"allow", "approve", "deny", NULL};

static const struct member endpoint_rule[] = {
    {"method", M_TEXT, .help = "of HTTP; * = any"},
    {"path", M_TEXT, .flags = MEMBER_REQUIRED, .help = "* stands for one part, ** for any number"},
    {"backend", M_TEXT, .help = "who is asked"},
    {"reason", M_TEXT, .help = "shown to whom is asked"},
    {"timeout_secs", M_NUMBER, .min = 1, .max = 86400, .help = "how long is waited"},
    {0},
};
static const struct member each_endpoint_rule = {.kind = M_MAP, .members = endpoint_rule};

static const struct member endpoint_default[] = {
    {"decision", M_WORD, .words = decisions, .flags = MEMBER_REQUIRED},
    {"backend", M_TEXT, .help = "who is asked"},
    {"timeout_secs", M_NUMBER, .min = 1, .max = 86400, .help = "how long is waited"},
    {0},
};
static const struct member endpoint_policy[] = {
    {"default", M_WORD, .words = decisions, .members = endpoint_default,
     .help = "for what no rule is for"},
    {"deny", M_LIST_OF, .each = &each_endpoint_rule, .help = "looked at first"},
    {"approve", M_LIST_OF, .each = &each_endpoint_rule, .help = "then these: a person is asked"},
    {"allow", M_LIST_OF, .each = &each_endpoint_rule, .help = "then these"},
    {0},
};
static const struct member oauth[] = {
    {"token_url", M_TEXT, .flags = MEMBER_REQUIRED, .help = "where tokens are asked for"},
    {"client_id", M_TEXT, .flags = MEMBER_REQUIRED, .help = "a reference"},
    {"client_secret", M_TEXT, .flags = MEMBER_REQUIRED, .help = "a reference"},
    {"scope", M_TEXT, .help = "asked for"},
    {0},
};
static const struct member aws[] = {
    {"profile", M_TEXT, .help = "of ~/.aws"},
    {"region", M_TEXT, .help = "signed for"},
    {"service", M_TEXT, .help = "signed for"},
    {0},
};
static const struct member rate_limit[] = {
    {"requests_per_minute", M_NUMBER, .min = 1, .max = 1000000, .help = "on average"},
    {"burst", M_NUMBER, .min = 1, .max = 1000000, .help = "at once"},
    {"max_delay_secs", M_NUMBER, .min = 0, .max = 3600, .help = "a request waits, then fails"},
    {0},
};
#define INJECTION                                                                \
	{"inject_mode", M_WORD, .words = inject_modes, .help = "where it goes"}, \
	    {"inject_header", M_TEXT, .help = "default Authorization"},          \
	    {"credential_format", M_TEXT, .help = "{} stands for the secret"},   \
	    {"path_pattern", M_TEXT, .help = "for url_path"},                    \
	    {"path_replacement", M_TEXT, .help = "for url_path"},                \
	{                                                                        \
		"query_param_name", M_TEXT, .help = "for query_param"            \
	}
static const struct member phantom[] = {INJECTION, {0}};
static const struct member custom_credential[] = {
    {"upstream", M_TEXT, .flags = MEMBER_REQUIRED, .help = "https://..., or http on loopback"},
    {"credential_key", M_TEXT, .help = "reference to the secret"},
    {"auth", M_UNIT, .members = oauth, .help = "OAuth2 client credentials instead"},
    {"aws_auth", M_UNIT, .members = aws, .help = "AWS signatures instead"},
    {"spiffe", M_ANY, .help = "SPIFFE identity instead"},
    INJECTION,
    {"proxy", M_UNIT, .members = phantom, .help = "how the stand-in arrives, if otherwise"},
    {"env_var", M_TEXT,
     .help =
	 "variable that holds the stand-in; by default the upper-cased account, or that of env://"},
    {"endpoint_rules", M_LIST_OF, .each = &each_endpoint_rule, .help = "only these requests"},
    {"endpoint_policy", M_UNIT, .members = endpoint_policy, .help = "rules with decisions"},
    {"rate_limit", M_UNIT, .members = rate_limit, .help = "requests"},
    {"tls_ca", M_TEXT, .help = "file of the authority that is trusted"},
    {"tls_client_cert", M_TEXT, .help = "file"},
    {"tls_client_key", M_TEXT, .help = "file"},
    {0},
};
static const struct member each_credential = {.kind = M_MAP, .members = custom_credential};

static const char *const output_words[] = {"text", NULL};
static const char *const output_formats[] = {"json", NULL};
static const struct member capture_output[] = {
    {"format", M_WORD, .words = output_formats, .flags = MEMBER_REQUIRED},
    {"allow_headers", M_LIST, .help = "headers that the command may set"},
    {0},
};
static const char *const capture_stdin[] = {"null", "request_json", NULL};
static const struct member interaction[] = {
    {"stdio", M_ANY, .help = "the command may use the terminal"},
    {"stdin", M_ANY, .help = "the command may read from the terminal"},
    {"open_urls", M_ANY, .help = "pages that it may open"},
    {"allow_launch_services", M_FLAG, .flags = MEMBER_NO_EFFECT, .help = "macOS only"},
    {0},
};
static const struct member capture[] = {
    {"command", M_LIST, .flags = MEMBER_REQUIRED, .help = "program and arguments"},
    {"timeout_secs", M_NUMBER, .min = 1, .max = 300, .help = "default 5"},
    {"ttl_secs", M_NUMBER, .min = 0, .max = 3600, .help = "how long it is kept, default 900"},
    {"cache_ttl_secs", M_NUMBER, .min = 0, .max = 3600, .instead = "ttl_secs"},
    {"cache_path_regex", M_TEXT, .help = "requests that share one secret"},
    {"stdin", M_WORD, .words = capture_stdin, .help = "what the command reads"},
    {"output", M_WORD, .words = output_words, .members = capture_output, .help = "what it prints"},
    {"interaction", M_UNIT, .members = interaction, .help = "with the user"},
    {0},
};
const struct member profile_capture = {.kind = M_MAP, .members = capture};

/* ---- hooks ---------------------------------------------------------------- */

static const struct member hook[] = {
    {"event", M_TEXT, .flags = MEMBER_REQUIRED, .help = "of the agent, as PreToolUse"},
    {"matcher", M_TEXT, .help = "which tools, as the agent reads it; all if it is not said"},
    {"script", M_TEXT, .flags = MEMBER_REQUIRED, .help = "path of what runs, inside"},
    {0},
};
const struct member profile_hook = {.kind = M_MAP, .members = hook};

const struct member profile_session_hook[] = {
    {"script", M_TEXT, .flags = MEMBER_REQUIRED | MEMBER_ABSOLUTE, .help = "absolute path"},
    {"timeout_secs", M_NUMBER, .min = 1, .max = 3600, .help = "then it is killed"},
    {0},
};

/* ---- network -------------------------------------------------------------- */

const struct member profile_network[] = {
    {"block", M_FLAG, MERGE_OR, AT(block_net), .help = "no network at all"},
    {"allow_http2", M_FLAG, MERGE_OR, AT(allow_http2), .help = "HTTP/2 through the proxy"},
    {"network_profile", M_TEXT, MERGE_CHILD, AT(network_profile), .flags = MEMBER_CLEARS,
     .help = "a list of hosts by name; null takes the base's away"},
    {"allow_domain", M_DOMAINS, MERGE_APPEND, AT(allow_domain),
     .help = "hosts that may be connected to; {domain, endpoints} narrows one"},
    {"allow_hosts", M_DOMAINS, MERGE_APPEND, AT(allow_domain), .instead = "network.allow_domain"},
    {"allow_endpoints", M_ENDPOINTS, MERGE_APPEND, AT(allow_domain),
     .instead = "network.allow_domain", .help = "\"GET api.example.com/v1/**\""},
    {"deny_domain", M_LIST, MERGE_APPEND, AT(deny_domain), .help = "looked at before the others"},
    {"deny_cloud_metadata", M_FLAG, MERGE_OR, AT(deny_cloud_metadata),
     .help = "the services that give cloud machines their credentials"},
    {"credentials", M_LIST, MERGE_CLEARABLE, AT(net_credentials),
     .help = "credential routes in use; [] takes the base's away"},
    {"custom_credentials", M_NAMED, MERGE_UNION, AT(custom_credentials), .each = &each_credential,
     .help = "credential routes of one's own, by name"},
    {"approved_endpoints", M_LIST, MERGE_APPEND, AT(approved_endpoints),
     .help = "\"ROUTE:METHOD:PATH\" that is not asked for any more"},
    {"refused_endpoints", M_LIST, MERGE_APPEND, AT(refused_endpoints),
     .help = "\"ROUTE:METHOD:PATH\" that is refused without asking"},
    {"open_port", M_PORTS, MERGE_APPEND, AT(open_port), .help = "on this machine, both ways"},
    {"listen_port", M_PORTS, MERGE_APPEND, AT(listen_port), .help = "may be listened on"},
    {"connect_port", M_PORTS, MERGE_APPEND, AT(connect_port), .help = "may be connected to"},
    {"open_port_range", M_RANGES, MERGE_APPEND, AT(open_port_range), .help = "\"8000-8010\""},
    {"listen_port_range", M_RANGES, MERGE_APPEND, AT(listen_port_range), .help = "\"8000-8010\""},
    {"tls_intercept", M_UNIT, MERGE_CHILD, AT(tls_intercept), .help = "look into TLS"},
    {"upstream_proxy", M_TEXT, MERGE_CHILD, AT(upstream_proxy), .help = "HOST:PORT"},
    {"upstream_bypass", M_LIST, MERGE_APPEND, AT(upstream_bypass), .help = "hosts without it"},
    {"no_proxy", M_LIST, MERGE_APPEND, AT(no_proxy), .help = "hosts that NO_PROXY names"},
    {"proxy_allow", M_DOMAINS, MERGE_APPEND, AT(allow_domain), OLD("network.allow_domain")},
    {"allow_proxy", M_DOMAINS, MERGE_APPEND, AT(allow_domain), OLD("network.allow_domain")},
    {"proxy_credentials", M_LIST, MERGE_CLEARABLE, AT(net_credentials), OLD("network.credentials")},
    {"port_allow", M_PORTS, MERGE_APPEND, AT(open_port), OLD("network.open_port")},
    {"allow_port", M_PORTS, MERGE_APPEND, AT(open_port), OLD("network.open_port")},
    {"external_proxy", M_TEXT, MERGE_CHILD, AT(upstream_proxy), OLD("network.upstream_proxy")},
    {"external_proxy_bypass", M_LIST, MERGE_APPEND, AT(upstream_bypass),
     OLD("network.upstream_bypass")},
    {0},
};
