#include <string.h>
#include <sys/un.h>

#include "conf/conf_table.h"
#include "net/ident.h"

int conf_check_network(struct conf_checks *c, const char *network)
{
	if (ident_valid_network(network))
		return 0;
	return conf_refuse(
		c, "network", "network must be a lower-case DNS name, like \"vpn.example\"");
}

int conf_check_device(struct conf_checks *c, const char *device)
{
	if (strpbrk(device, " /:") == NULL && strcmp(device, ".") != 0 && strcmp(device, "..") != 0)
		return 0;
	return conf_refuse(c, "device", "device must be an interface name, like \"sally0\"");
}

int conf_check_control(struct conf_checks *c, const char *path)
{
	const struct sockaddr_un *sa = NULL;

	if (path[0] == '/' && strlen(path) < sizeof(sa->sun_path))
		return 0;
	return conf_refuse(c, "control", "control must be an absolute path of at most %zu bytes",
		sizeof(sa->sun_path) - 1);
}
