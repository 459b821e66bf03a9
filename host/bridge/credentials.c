#include "host/bridge/credentials.h"

#include "lib/clock.h"

void tb_credentials_clear(TbCredentials *c)
{
        json_decref(c->servers);
        c->servers = NULL;
}

void tb_credentials_set(TbCredentials *c, json_t *servers)
{
        json_t *before = c->servers;
        c->servers = json_incref(servers);
        json_decref(before);
}

char **tb_credentials_of(const TbCredentials *c, json_t *fresh, const TbIceConfig *ours, const char *peer)
{
        json_t *theirs = fresh ? fresh : c->servers;
        json_auto_t *own = theirs ? NULL : tb_ice_servers(ours, peer, tb_clock_ms());
        return tb_ice_uris(theirs ? theirs : own);
}
