#pragma once
/*
 * How the network is searched (`discovery:` of the configuration), and `testbed-host --discover`: looks for hardware for a while and
 * prints it as devices of a configuration. Main thread.
 */
#include <stdio.h>

#include "host/core/config.h"
#include "lib/config.h"

/* TbDiscoveryNetwork of drivers/driver.h: true, false or {mdns, broadcast}; NULL: all. Problems are the reader's. */
guint tb_discover_config(TbConfigReader *reader, json_t *value);

/* As YAML, ready to paste: `resources` as tb_core_resources_json() gives them. The caller frees. */
char *tb_discover_yaml(const json_t *resources);
/* Looks, prints to `out`, and returns the exit code. Nothing is attached, and no state is kept. */
int tb_discover(TbHostConfig *config, FILE *out);
