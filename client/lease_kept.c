#include "client/lease_kept.h"

#include <glib/gstdio.h>

#include "client/out.h"
#include "client/settings.h"
#include "lib/limits.h"

/* Of one device at one address. */
static char *file_of(const TbCli *cli, const TbCliDevice *d)
{
        g_autofree char *where = g_strdup_printf("%s %s", cli->settings->url, d->name),
                        *name = g_compute_checksum_for_string(G_CHECKSUM_SHA256, where, -1);
        return g_build_filename(g_get_user_state_dir(), "testbed", "leases", name, NULL);
}

void tb_cli_lease_keep(const TbCli *cli, const TbCliDevice *d, const char *lease)
{
        g_autofree char *file = file_of(cli, d), *folder = g_path_get_dirname(file);
        g_autoptr(GError) why = NULL;
        g_mkdir_with_parents(folder, 0700);
        if (!g_file_set_contents_full(file, lease, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &why))
                tb_cli_say("%s: unlock will want --lease: %s", d->name, why->message);
}

char *tb_cli_lease_kept(const TbCli *cli, const TbCliDevice *d)
{
        g_autofree char *file = file_of(cli, d);
        char *lease = NULL;
        gsize size = 0;
        if (!g_file_get_contents(file, &lease, &size, NULL))
                return NULL;
        bool ok = size > 0 && size <= TB_LIMIT_TOKEN;
        for (gsize i = 0; ok && i < size; i++) /* it becomes a header */
                ok = g_ascii_isgraph(lease[i]);
        if (!ok)
                g_clear_pointer(&lease, g_free);
        return lease;
}

void tb_cli_lease_forget(const TbCli *cli, const TbCliDevice *d)
{
        g_autofree char *file = file_of(cli, d);
        g_unlink(file);
}
