"""The template for the local cloud omits what the local cloud does not support."""

from __future__ import annotations

import json
import unittest

import deploy

ALARM = """\
Resources:
  Ringing:
    Type: AWS::CloudWatch::Alarm
    Properties: { MetricName: Errors }
  RingingOften:
    Type: AWS::CloudWatch::Alarm
    Properties: { Metrics: [{ Id: largest, Expression: MAX(METRICS()) }] }
  Fn::ForEach::Alarms:
    - Metric
    - [Errors, Throttles]
    - Ringing${Metric}:
        Type: AWS::CloudWatch::Alarm
        Properties: { Metrics: [{ Id: largest, Expression: MAX(METRICS()) }] }
  Fn::ForEach::Queues:
    - Name
    - [Bell]
    - ${Name}Queue: { Type: AWS::SQS::Queue }
"""

CODE = """\
Resources:
  Bell:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: ../target/lambda/bell/ }
  Door:
    Type: AWS::Serverless::StateMachine
    Properties: { DefinitionUri: door.asl.json }
  Topic: { Type: AWS::SNS::Topic }
"""


class Deployable(unittest.TestCase):
    def test_alarms_on_several_metrics_are_omitted_and_nothing_else(self) -> None:
        template = json.loads(deploy.deployable(ALARM, str, str))
        self.assertEqual(["Ringing", "Fn::ForEach::Queues"], list(template["Resources"]))

    def test_code_and_definitions_are_replaced_by_their_uploaded_locations(self) -> None:
        template = json.loads(deploy.deployable(CODE, "code of {}".format, "states of {}".format))
        properties = {name: each.get("Properties") for name, each in template["Resources"].items()}
        self.assertEqual(
            {
                "Bell": {"CodeUri": "code of ../target/lambda/bell/"},
                "Door": {"DefinitionUri": "states of door.asl.json"},
                "Topic": None,
            },
            properties,
        )

    def test_the_template_has_alarms_of_both_kinds(self) -> None:
        written = deploy.TEMPLATE.read_text(encoding="utf-8")
        kept = json.loads(deploy.deployable(written, str, str))["Resources"]
        self.assertIn("RelayLagAlarm", kept)
        self.assertNotIn("DeadLettersAlarm", kept)
        self.assertNotIn("Fn::ForEach::BackgroundAlarms", kept)


if __name__ == "__main__":
    unittest.main()
