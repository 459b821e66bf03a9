/* The state folder's lock; devices that were made by REST, in <state>/devices.json: the same form as the config's
 * `devices`. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/core/private.h"
#include "lib/log.h"

bool tb_store_lock(const char *state_dir, int *ret_fd, GError **error)
{
        g_autofree char *path = g_build_filename(state_dir, "host.lock", NULL);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640); /* children (QEMU) do not keep it */
        bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
        char pid[16] = "";
        if (fd >= 0 && !locked && errno == EWOULDBLOCK) {
                ssize_t n = read(fd, pid, sizeof pid - 1);
                pid[MAX(n, 0)] = '\0';
                tb_set_error(
                        error, TB_ERROR_BUSY,
                        "the state folder %s is in use by another testbed-host (pid %s); stop that one, or "
                        "choose another folder with --state-dir",
                        state_dir, g_strstrip(pid));
                close(fd);
                return false;
        }
        g_snprintf(pid, sizeof pid, "%d\n", (int)getpid());
        if (!locked || ftruncate(fd, 0) < 0 || write(fd, pid, strlen(pid)) < 0)
                tb_log(TB_LOG_WARNING, TB_F(), "%s: %s", path, g_strerror(errno));
        *ret_fd = fd;
        return true;
}

static char *store_path(const TbCore *core)
{
        return g_build_filename(core->config->state_dir, "devices.json", NULL);
}

void tb_store_load(TbCore *core)
{
        g_autofree char *path = store_path(core);
        json_error_t why;
        if (!g_file_test(path, G_FILE_TEST_EXISTS))
                return;
        json_auto_t *all = json_load_file(path, 0, &why);
        if (!json_is_object(all)) {
                tb_log(TB_LOG_ERROR, TB_F(), "%s:%d: %s; devices made by REST are not attached", path,
                       why.line, why.text);
                return;
        }
        const char *id;
        json_t *spec;
        json_object_foreach (all, id, spec) {
                g_autoptr(GError) error = NULL;
                if (g_tree_lookup(core->devices, id)) {
                        tb_log(TB_LOG_WARNING, TB_F("device", id),
                               "the configuration names it too: the stored one is not used");
                        continue;
                }
                TbDevice *device = tb_device_new(core, id, spec, &error);
                if (!device) {
                        tb_log(TB_LOG_ERROR, TB_F("device", id), "not attached: %s", tb_error_detail(error));
                        continue;
                }
                device->stored = true;
                g_tree_insert(core->devices, device->id, device);
        }
        tb_core_changed(core);
}

bool tb_store_save(TbCore *core, GError **error)
{
        json_auto_t *all = json_object();
        g_autofree char *path = store_path(core);
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                const TbDevice *device = g_tree_node_value(n);
                if (device->stored)
                        json_object_set(all, device->id, device->spec);
        }
        char *text = json_dumps(all, JSON_INDENT(2));
        /* 0600: attachments may hold passwords */
        bool ok = g_file_set_contents_full(
                path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
        free(text);
        return ok;
}
