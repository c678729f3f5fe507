"""The loops of the template are expanded alike by the local cloud and by cfn-lint."""

from __future__ import annotations

import unittest

import template
from cfnlint.decode import decode
from cfnlint.template import Template
from cfnlint.template.transforms._language_extensions import language_extension
from samtranslator.yaml_helper import yaml_parse


class Loops(unittest.TestCase):
    def test_cfn_lint_expands_the_template_to_the_same(self) -> None:
        written, faults = decode(str(template.PATH))
        self.assertEqual([], faults)
        faults, theirs = language_extension(Template(str(template.PATH), written))
        self.assertEqual([], faults)
        ours = template.without_loops(yaml_parse(template.PATH.read_text(encoding="utf-8")))
        for section in ("Resources", "Outputs"):
            expected = template.with_constants_filled_in(theirs[section])
            self.assertEqual(sorted(expected), sorted(ours[section]))
            for name in expected:
                self.assertEqual(expected[name], ours[section][name], name)

    def test_a_loop_makes_one_resource_of_each_value(self) -> None:
        written = {
            "Mappings": {"Doors": {"Front": {"Name": "front-door"}}},
            "Resources": {
                "Fn::ForEach::Doors": [
                    "Door",
                    ["Front"],
                    {
                        "${Door}Bell": {
                            "Type": "Bell",
                            "Properties": {
                                "Name": {
                                    "Fn::Sub": [
                                        "${AWS::StackName}-${Name}",
                                        {
                                            "Name": {
                                                "Fn::FindInMap": ["Doors", {"Ref": "Door"}, "Name"]
                                            }
                                        },
                                    ]
                                },
                                "Of": {"Fn::GetAtt": [{"Fn::Sub": "${Door}Door"}, "Arn"]},
                            },
                        }
                    },
                ]
            },
        }
        bell = template.without_loops(written)["Resources"]["FrontBell"]
        self.assertEqual({"Fn::Sub": "${AWS::StackName}-front-door"}, bell["Properties"]["Name"])
        self.assertEqual("FrontDoor.Arn", template.written(bell["Properties"]["Of"]))


if __name__ == "__main__":
    unittest.main()
