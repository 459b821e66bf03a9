/* What a telescope sends: the first byte says who reads it. l: lines of its control; u: an answer to the broadcast; i: frames of its imaging,
 * down to what is shown. */
#include <stdint.h>
#include <string.h>

#include "drivers/seestar/seestar_image.h"
#include "drivers/seestar/seestar_proto.h"
#include "lib/error.h"
#include "lib/json.h"

#define MOST (512 * 512) /* pixels that are shown: the rest is the same, slowly */

static void lines(const uint8_t *data, size_t size)
{
        TbSeestarState state;
        tb_seestar_state_init(&state);
        while (size > 0) {
                gssize n = tb_seestar_line(data, size);
                if (n <= 0)
                        break;
                json_auto_t *message = tb_json_parse(data, (gsize)n, NULL);
                json_t *result = json_object_get(message, "result");
                g_autoptr(GError) error = NULL;
                tb_seestar_hear(&state, message, 1000);
                tb_seestar_take_device(&state, result);
                tb_seestar_take_view(&state, result, 2000);
                tb_seestar_take_place(&state, result);
                tb_seestar_take_horizon(&state, result);
                if (tb_seestar_refuses(message, "m", &error))
                        g_assert_true(error && g_utf8_validate(error->message, -1, NULL));
                data += n;
                size -= (size_t)n;
        }
        json_auto_t *told = tb_seestar_json(&state, 3000);
        g_autofree char *text = tb_json_text(told, NULL);
        g_assert_nonnull(text);
}

static void frames(const uint8_t *data, size_t size)
{
        TbSeestarShow *show = NULL;
        g_autoptr(GByteArray) scratch = g_byte_array_new();
        for (;;) {
                TbSeestarHead head;
                gssize n = tb_seestar_head(data, size, &head);
                if (n <= 0 || size - TB_SEESTAR_HEAD < head.size)
                        break;
                const guint8 *pixels = NULL;
                gsize bytes = 0;
                TbSeestarPixels form;
                g_autoptr(GError) error = NULL;
                if (head.is_image && head.width * head.height <= MOST &&
                    tb_seestar_unpack(&head, data + TB_SEESTAR_HEAD, scratch, &pixels, &bytes, &form,
                                      &error) &&
                    form != TB_SEESTAR_JPEG) {
                        g_autofree guint8 *out = g_malloc((gsize)head.width * (gsize)head.height * 4);
                        show = show ? show : tb_seestar_show_new();
                        tb_seestar_show(show, form, pixels, head.width, head.height, out, head.width * 4);
                }
                data += TB_SEESTAR_HEAD + head.size;
                size -= TB_SEESTAR_HEAD + head.size;
        }
        tb_seestar_show_free(show);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        TbSeestarFound found;
        if (size < 2)
                return 0;
        switch (data[0]) {
        case 'l': lines(data + 1, size - 1); break;
        case 'u':
                if (tb_seestar_found(data + 1, size - 1, "10.0.0.9", &found))
                        g_assert_true(*found.ip && g_utf8_validate(found.model, -1, NULL));
                break;
        case 'i': frames(data + 1, size - 1); break;
        default: break;
        }
        return 0;
}
