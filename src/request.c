/*
 * CGI variables to a request.
 */
#include "request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* /apis/jobs/v2/workspaces/{workspace}/jobs/{name}/status; NULL stands for a parameter. */
static const char *const route[] = { "apis", "jobs", "v2", "workspaces", NULL, "jobs", NULL,
	"status" };

#define SEGMENTS (sizeof(route) / sizeof(route[0]))

static const struct {
	const char *method;
	int status;
} methods[] = {
	{ "GET", 200 },
	{ "HEAD", 200 },
	{ "OPTIONS", 204 },
};

/* Whether PATH is the route; then the parameters are set. */
static bool
match_route(const char *path, struct request_parameter *workspace, struct request_parameter *name)
{
	struct request_parameter *parameters[] = { workspace, name }, **next = parameters;

	for (size_t i = 0; i < SEGMENTS; i++) {
		size_t length;

		if (*path != '/')
			return false;
		path++;
		length = strcspn(path, "/");
		if (length == 0)
			return false;
		if (route[i] == NULL) {
			(*next)->bytes = path;
			(*next++)->length = length;
		} else if (strlen(route[i]) != length || memcmp(route[i], path, length) != 0) {
			return false;
		}
		path += length;
	}
	return *path == '\0';
}

static const struct {
	const char *path;
	enum request_route route;
} status_routes[] = {
	{ "/-/live", REQUEST_LIVE },
	{ "/-/ready", REQUEST_READY },
	{ "/-/metrics", REQUEST_METRICS },
};

/* Whether PATH is one of the routes; then what is asked for is set. */
static bool
match_path(struct request *request, const char *path)
{
	for (size_t i = 0; i < sizeof(status_routes) / sizeof(status_routes[0]); i++)
		if (strcmp(path, status_routes[i].path) == 0) {
			request->route = status_routes[i].route;
			return true;
		}
	request->route = REQUEST_JOB;
	return match_route(path, &request->workspace, &request->name);
}

static bool
is_control(uint32_t code)
{
	return code <= 0x1F || (code >= 0x7F && code <= 0x9F);
}

static enum request_fault
find_fault(const struct request_parameter *parameter)
{
	size_t codes = 0, taken;
	bool control = false;
	uint32_t code;

	for (size_t at = 0; at < parameter->length; at += taken, codes++) {
		taken = 1;
		if (parameter->bytes[at] >= ' ' && parameter->bytes[at] <= '~')
			continue;
		taken = utf8_decode(parameter->bytes + at, parameter->length - at, &code);
		if (taken == 0)
			return REQUEST_FAULT_UNICODE;
		control = control || is_control(code);
	}
	if (codes > REQUEST_NAME_MAX)
		return REQUEST_FAULT_LENGTH;
	return control ? REQUEST_FAULT_CONTROL : REQUEST_FAULT_NONE;
}

/* The route is looked for in PATH_INFO alone, then behind the mount point.  Returns 200, 404 or
 * 500. */
static int
find_route(struct request *request, const char *script_name, const char *path_info)
{
	size_t script_length, info_length;

	if (path_info == NULL)
		path_info = "";
	if (match_path(request, path_info))
		return 200;
	if (script_name == NULL || *script_name == '\0')
		return 404;
	script_length = strlen(script_name);
	info_length = strlen(path_info);
	request->path = malloc(script_length + info_length + 1);
	if (request->path == NULL)
		return 500;
	memcpy(request->path, script_name, script_length);
	memcpy(request->path + script_length, path_info, info_length + 1);
	return match_path(request, request->path) ? 200 : 404;
}

static int
judge_method(const char *method)
{
	for (size_t i = 0; method != NULL && i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i].method) == 0)
			return methods[i].status;
	return 405;
}

static bool
is_principal(const char *text)
{
	const struct request_parameter principal = { .bytes = text, .length = strlen(text) };

	return principal.length > 0 && find_fault(&principal) == REQUEST_FAULT_NONE;
}

int
request_parse(struct request *request, const char *method, const char *script_name,
    const char *path_info, const char *principal)
{
	int status;

	memset(request, 0, sizeof(*request));
	request->head = method != NULL && strcmp(method, "HEAD") == 0;
	if ((status = find_route(request, script_name, path_info)) != 200)
		return status;
	if ((status = judge_method(method)) != 200 || request->route != REQUEST_JOB)
		return status;
	if (principal != NULL && !is_principal(principal))
		return 401;
	request->workspace.fault = find_fault(&request->workspace);
	request->name.fault = find_fault(&request->name);
	if (request->workspace.fault != REQUEST_FAULT_NONE ||
	    request->name.fault != REQUEST_FAULT_NONE)
		return 422;
	return 200;
}

void
request_free(struct request *request)
{
	free(request->path);
	request->path = NULL;
}
