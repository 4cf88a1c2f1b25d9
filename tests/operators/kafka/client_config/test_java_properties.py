from __future__ import annotations

import random
import subprocess
from pathlib import Path

from jobs.flink.paths import java
from operators.kafka.client_config.java_properties import parse_properties

PRINT = """
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

class Print {
    static String hex(String text) { return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)); }

    public static void main(String[] paths) throws Exception {
        for (String path : paths) {
            Properties properties = new Properties();
            StringBuilder line = new StringBuilder();
            try (var reader = Files.newBufferedReader(Path.of(path))) {
                properties.load(reader);
                for (String key : new TreeSet<>(properties.stringPropertyNames()))
                    line.append(hex(key)).append("=").append(hex(properties.getProperty(key))).append(" ");
            } catch (IllegalArgumentException error) {
                line.append("malformed");
            }
            System.out.println(line.toString().strip());
        }
    }
}
"""
TEXTS = [
    'sasl.jaas.config=x.Login required \\\n    username="a" \\\n    password="b=c:\\\\d";\n',
    "! no\n  # no\n\tkey\\ with\\:all\\=of\\#them : value \nempty\nother=\n",
    "a=1\\\n\n#comment\nb=2\\",
    "a = \\u00e9\\t\\q\nb=\\u12\n",
    "a=one\r\nb=two\rc=three",
    "\\\n#key=value\n",
    "k=\\ud83d\\ude00",
]


def texts() -> list[str]:
    draw = random.Random(0)
    pieces = [*"ab=: \t\f\\\n\r#!", "\\\n", "\\u0041", "\\\\"]
    return [*TEXTS, *("".join(draw.choices(pieces, k=draw.randrange(30))) for _ in range(600))]


def parsed(text: str) -> str:
    try:
        entries = parse_properties(text)
    except ValueError:
        return "malformed"
    return " ".join(f"{key.encode().hex()}={entries[key].encode().hex()}" for key in sorted(entries))


def test_entries_are_those_of_java(tmp_path: Path) -> None:
    (tmp_path / "Print.java").write_text(PRINT)
    files = [tmp_path / str(number) for number in range(len(texts()))]
    for file, text in zip(files, texts(), strict=True):
        file.write_bytes(text.encode())
    command = [java(), str(tmp_path / "Print.java"), *map(str, files)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {text: parsed(text) for text in texts()} == dict(zip(texts(), printed, strict=True))
